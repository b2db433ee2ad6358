import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { asSomebodyElse, makeHome, runCli } from './run-cli.js'

interface Finding {
  readonly check: string
  readonly result: string
  readonly message: string
  readonly hint?: string
}

let home: ReturnType<typeof makeHome>
let server: Server | undefined
beforeEach(() => {
  home = makeHome()
})
afterEach(() => {
  server?.close()
  server = undefined
  home.remove()
})

async function doctor(status: number, ...args: string[]): Promise<Finding[]> {
  const result = await runCli(['doctor', '--json', ...args], { home: home.path })
  expect(result).toMatchObject({ status, stderr: '' })
  return JSON.parse(result.stdout) as Finding[]
}

const init = async (...args: string[]): Promise<void> => {
  expect(await runCli(['init', ...args], { home: home.path })).toMatchObject({ status: 0 })
}

test('before init it warns, and makes nothing', async () => {
  rmSync(home.path, { recursive: true })
  const findings = await doctor(0)
  expect(findings.find(({ check }) => check === 'home')).toMatchObject({ result: 'warn' })
  const message = 'not there: the defaults hold'
  const about = (file: string): unknown => findings.find(({ check }) => check === file)
  expect(about('daemon.yaml')).toMatchObject({ result: 'warn', message })
  expect(about('controller.yaml')).toMatchObject({ result: 'ok', message })
  expect(existsSync(home.path)).toBe(false)
})

test('after init only the daemon is missing', async () => {
  await init('--listen', '/ip4/127.0.0.1/tcp/0')
  const findings = await doctor(0)
  const bad = findings.filter(
    ({ check, result }) => result !== 'ok' && !/mdns|cgroups|disk/.test(check),
  )
  expect(bad).toMatchObject([{ check: 'daemon', result: 'warn' }])
  expect((await runCli(['doctor'], { home: home.path })).stdout).toMatch(
    /^warn +daemon .+daemon start/m,
  )
})

test.each([
  {
    name: 'a key that others can read',
    check: 'secrets',
    hint: 'chmod 600',
    harm: () => {
      chmodSync(join(home.path, 'signing.key'), 0o644)
    },
  },
  {
    name: 'an unknown key in daemon.yaml',
    check: 'daemon.yaml',
    hint: 'Did you mean "name"?',
    harm: () => {
      writeFileSync(join(home.path, 'daemon.yaml'), 'node: { names: x }\n')
    },
  },
  {
    name: 'two networks in one home',
    check: 'psk',
    hint: 'psk_file',
    harm: () => {
      const yaml = `p2p: { psk: "${'ab'.repeat(32)}" }\n`
      writeFileSync(join(home.path, 'controller.yaml'), yaml, { mode: 0o600 })
    },
  },
])('$name fails with what to do', async ({ check, hint, harm }) => {
  await init()
  harm()
  const found = (await doctor(1)).find((one) => one.check === check)
  expect(found).toMatchObject({ result: 'fail' })
  expect(found?.hint).toContain(hint)
})

test('of a machine that joined it asks for no second set of keys', async () => {
  await init()
  for (const name of ['controller.yaml', 'signing.key']) rmSync(join(home.path, name))
  const findings = await doctor(0)
  const of = (name: string): Finding | undefined => findings.find(({ check }) => check === name)
  expect(of('controller.yaml')).toMatchObject({ result: 'ok' })
  expect(of('signing key')?.hint).toMatch(/right for a machine that only runs apps/)
})

test('a psk_file that is not there is told with its place', async () => {
  await init()
  rmSync(join(home.path, 'swarm.key'))
  const { stderr, status } = await runCli(['config', 'check'], { home: home.path })
  expect(stderr).toMatch(
    /^Error CONFIG_NOT_FOUND: \S+daemon\.yaml:\d+:3: there is no file \S+\n.*psk --swarm-key$/m,
  )
  expect(status).toBe(2)
})

test('a fault of daemon.yaml is told once; what needs it is not looked at', async () => {
  await init()
  writeFileSync(join(home.path, 'daemon.yaml'), 'node: { names: x }\n')
  const findings = await doctor(1)
  const of = (result: string): string[] =>
    findings.filter((one) => one.result === result).map(({ check }) => check)
  expect(of('fail')).toEqual(['daemon.yaml'])
  expect(
    findings.filter(({ message }) => message === 'not looked at, because of daemon.yaml'),
  ).toMatchObject(
    ['signing key', 'psk', 'plugins', 'ports'].map((check) => ({ check, result: 'warn' })),
  )
})

test('a state that no daemon could start with is named', async () => {
  await init()
  mkdirSync(join(home.path, 'state'))
  writeFileSync(join(home.path, 'state', 'state.db'), 'garbage '.repeat(1000))
  const found = (await doctor(1)).find(({ check }) => check === 'state')
  expect(found).toMatchObject({ result: 'fail' })
  expect(found?.message).toContain(`${join(home.path, 'state', 'state.db')} is damaged`)
})

test('of a home that it cannot read it says nothing good', async () => {
  await init()
  chmodSync(home.path, 0)
  const result = await runCli(['doctor', '--json'], {
    home: home.path,
    cwd: '/',
    through: asSomebodyElse,
  })
  chmodSync(home.path, 0o700)
  expect(result).toMatchObject({ status: 1, stderr: '' })
  const findings = JSON.parse(result.stdout) as Finding[]
  for (const check of ['home', 'secrets', 'daemon.yaml', 'controller.yaml', 'state']) {
    const found = findings.find((one) => one.check === check)
    expect(found?.result, check).not.toBe('ok')
  }
})

test('a key that the node here does not trust is named', async () => {
  await init()
  writeFileSync(join(home.path, 'daemon.yaml'), 'p2p: { psk_file: swarm.key }\n')
  const found = (await doctor(0)).find(({ check }) => check === 'signing key')
  expect(found).toMatchObject({ result: 'warn' })
  expect(found?.hint).toMatch(/trusted_public_keys: [0-9a-f]{64}$/)
  const again = await runCli(['init'], { home: home.path })
  expect(again.stderr).toMatch(/^Warning: .*does not trust this key/)
})

test('a place for commands only is named as such, and its key is looked at all the same', async () => {
  await init()
  rmSync(join(home.path, 'daemon.yaml'))
  const findings = await doctor(0, '--config', home.path)
  const found = (name: string): Finding | undefined => findings.find(({ check }) => check === name)
  expect(found('daemon.yaml')).toMatchObject({
    result: 'warn',
    message: `there is no daemon.yaml in ${home.path}`,
  })
  expect(found('signing key')).toMatchObject({ result: 'ok' })
  expect(found('plugins')?.message).toBe('not looked at, because of daemon.yaml')
})

test('a port that another program has fails', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  server = createServer().listen(0, '127.0.0.1', () => {
    resolve(undefined)
  })
  await promise
  const { port } = server.address() as AddressInfo
  await init('--listen', `/ip4/127.0.0.1/tcp/${String(port)}`)
  const found = (await doctor(1)).find(({ check }) => check === 'ports')
  expect(found?.message).toContain('EADDRINUSE')
})

const whyNoMount = process.getuid?.() === 0 ? undefined : 'a file system of its own needs root'
if (whyNoMount !== undefined) process.stdout.write(`doctor.test: left out, ${whyNoMount}\n`)

test.skipIf(whyNoMount !== undefined).each([
  ['full', '4m', 1, 'fail'],
  ['nearly full', '64m', 0, 'warn'],
])('a disk that is %s', async (_, size, status, result) => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=700,size=${size}`, 'p2pp-test', home.path])
  try {
    await init('--listen', '/ip4/127.0.0.1/tcp/0')
    const found = (await doctor(status)).find(({ check }) => check === 'disk')
    expect(found).toMatchObject({ result, hint: expect.stringContaining(home.path) as string })
    expect(found?.message).toMatch(/^\d+(\.\d+)? MiB free at /)
  } finally {
    execFileSync('umount', ['-l', home.path])
  }
})

test.skipIf(whyNoMount !== undefined)('a part of the home that is a full disk', async () => {
  await init('--listen', '/ip4/127.0.0.1/tcp/0')
  const packages = join(home.path, 'packages')
  mkdirSync(packages)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=700,size=4m', 'p2pp-test', packages])
  try {
    const found = (await doctor(1)).find(({ check }) => check === 'disk')
    expect(found?.message).toMatch(
      new RegExp(` free at ${home.path}; 4.0 MiB free at ${packages}$`),
    )
  } finally {
    execFileSync('umount', ['-l', packages])
  }
})

test.skipIf(whyNoMount !== undefined).each([
  ['apps', ['app_dir']],
  ['logs', ['log_dir']],
  ['apps and logs', ['app_dir', 'log_dir']],
])('a full disk of its own for %s is named, and each disk once', async (_, keys) => {
  await init('--listen', '/ip4/127.0.0.1/tcp/0')
  const disk = makeHome()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=700,size=4m', 'p2pp-test', disk.path])
  try {
    const yaml = join(home.path, 'daemon.yaml')
    // Neither is there yet.
    const dirs = keys.map((key) => `${key}: "${join(disk.path, 'new', key)}"`)
    appendFileSync(yaml, `runtime: { ${dirs.join(', ')} }\n`)
    const found = (await doctor(1)).find(({ check }) => check === 'disk')
    expect(found).toMatchObject({
      result: 'fail',
      message: expect.stringMatching(
        new RegExp(`^[^;]+ free at ${home.path}; 4.0 MiB free at ${disk.path}$`),
      ) as string,
      hint: expect.stringContaining(`free space on ${disk.path}`) as string,
    })
    appendFileSync(yaml, 'what: is this\n')
    const without = (await doctor(1)).find(({ check }) => check === 'disk')
    expect(without?.message).toMatch(new RegExp(`^[^;]+ free at ${home.path}$`))
  } finally {
    execFileSync('umount', ['-l', disk.path])
    disk.remove()
  }
})
