import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeApp } from '../harness/machines.js'
import { makeHome, runCli } from './run-cli.js'
import type { CliResult } from './run-cli.js'

let home: ReturnType<typeof makeHome>
let app: string
let file: string

beforeEach(() => {
  home = makeHome()
  app = writeApp(home.path, { name: 'hello' })
  file = join(home.path, 'hello.p2p')
})
afterEach(() => {
  home.remove()
})

/** Root may read all: what is about rights runs as somebody else. */
const asSomebodyElse =
  process.getuid?.() === 0
    ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    : undefined

const cli = (...args: string[]): Promise<CliResult> =>
  runCli(args, { home: home.path, cwd: home.path })

async function keygen(
  dir: string,
  type = 'ed25519',
): Promise<{ key: string; pub: string; text: string }> {
  const out = join(home.path, dir)
  const result = await cli('keygen', '--type', type, '--out', out)
  expect(result).toMatchObject({ status: 0 })
  const pub = readFileSync(join(out, 'signing.pub'), 'utf8')
  const hex = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], { input: pub })
    .subarray(-32)
    .toString('hex')
  return { key: join(out, 'signing.key'), pub: join(out, 'signing.pub'), text: hex }
}

describe.each(['ed25519', 'rsa'])('with an %s key', (type) => {
  test('pack, verify and inspect agree', async () => {
    const key = await keygen('keys', type)
    expect(await cli('pack', app, '--key', key.key, '--out', file)).toMatchObject({ status: 0 })
    expect(await cli('verify', file, '--trust', key.pub)).toMatchObject({ status: 0 })
    const shown = await cli('inspect', file, '--json')
    expect(JSON.parse(shown.stdout)).toMatchObject({ signed: true })
    expect(shown.stdout).toContain('1.0.0')
  })

  test('verify exits 6 for another key', async () => {
    const key = await keygen('keys', type)
    const other = await keygen('other', type)
    await cli('pack', app, '--key', key.key, '--out', file)
    const result = await cli('verify', file, '--trust', other.pub)
    expect(result.status).toBe(6)
    expect(result.stderr).toMatch(/^Error SIGNATURE_/m)
  })
})

test('verify takes the hex that keygen prints', async () => {
  const key = await keygen('keys')
  await cli('pack', app, '--key', key.key, '--out', file)
  expect(await cli('verify', file, '--trust', key.text)).toMatchObject({ status: 0 })
})

test('verify accepts a package when any of several keys signed it', async () => {
  const key = await keygen('keys')
  const other = await keygen('other', 'rsa')
  await cli('pack', app, '--key', key.key, '--out', file)
  for (const trust of [
    ['--trust', other.pub, '--trust', key.pub],
    ['--trust', key.pub, other.pub],
  ]) {
    expect(await cli('verify', file, ...trust)).toMatchObject({ status: 0 })
  }
})

test('verify takes the keys before the file as well', async () => {
  const key = await keygen('keys')
  await cli('pack', app, '--key', key.key, '--out', file)
  expect(await cli('verify', '--trust', key.pub, file)).toMatchObject({ status: 0 })
  const missing = await cli('verify', '--trust', key.pub)
  expect(missing.status).toBe(2)
  expect(missing.stderr).toContain('the package file is missing')
})

test('--json prints one JSON value and nothing else', async () => {
  const { key, pub } = await keygen('keys')
  for (const args of [
    ['keygen', '--out', join(home.path, 'more')],
    ['psk'],
    ['pack', app, '--key', key, '--out', file],
    ['sign', file, '--key', key],
    ['verify', file, '--trust', pub],
    ['inspect', file],
    ['config', 'show'],
    ['config', 'check'],
  ]) {
    const { status, stdout, stderr } = await cli(...args, '--json')
    expect({ status, stderr }, args.join(' ')).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toBeTypeOf('object')
  }
})

test('verify exits 6 when one byte of the package changed', async () => {
  const key = await keygen('keys')
  await cli('pack', app, '--key', key.key, '--out', file)
  const bytes = readFileSync(file)
  const at = bytes.indexOf(Buffer.from([0x1f, 0x8b])) + 40
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
  expect(await cli('verify', file, '--trust', key.pub)).toMatchObject({ status: 6 })
})

test('verify exits 6 for an unsigned package; sign makes it good', async () => {
  const key = await keygen('keys')
  expect(await cli('pack', app, '--no-sign', '--out', file)).toMatchObject({ status: 0 })
  expect(await cli('verify', file, '--trust', key.pub)).toMatchObject({ status: 6 })
  expect(await cli('sign', file, '--key', key.key)).toMatchObject({ status: 0 })
  expect(await cli('verify', file, '--trust', key.pub)).toMatchObject({ status: 0 })
})

test('pack without --out writes NAME-VERSION.p2p into the working directory', async () => {
  expect(await cli('pack', 'hello-1.0.0', '--no-sign')).toMatchObject({ status: 0 })
  expect(existsSync(join(home.path, 'hello-1.0.0.p2p'))).toBe(true)
})

test('pack leaves out what it wrote here for other versions', async () => {
  const inApp = async (...args: string[]): Promise<CliResult> =>
    runCli(args, { home: home.path, cwd: app })
  expect(await inApp('pack', '.', '--no-sign')).toMatchObject({ status: 0 })
  const manifest = join(app, 'manifest.yaml')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('1.0.0', '1.1.0-rc.1'))
  writeFileSync(join(app, 'hello-world.p2p'), 'a file of the app')
  expect(await inApp('pack', '.', '--no-sign')).toMatchObject({ status: 0 })
  const { stdout } = await inApp('inspect', 'hello-1.1.0-rc.1.p2p')
  expect(stdout).toContain('hello-world.p2p')
  expect(stdout).not.toContain('hello-1.0.0.p2p')
})

test('pack leaves out what .p2pignore names, and says how much', async () => {
  const noted = writeApp(home.path, { name: 'noted' })
  for (const dir of ['locked', '.git']) mkdirSync(join(noted, dir))
  for (const name of ['.env', 'a.log', 'keep.log']) writeFileSync(join(noted, name), '')
  writeFileSync(join(noted, '.p2pignore'), '.env\n\nlocked/\n*.log\n!keep.log\n')
  chmodSync(join(noted, 'locked'), 0)
  chmodSync(home.path, 0o777)
  const packed = await runCli(['pack', noted, '--no-sign', '-o', file], {
    home: home.path,
    through: asSomebodyElse,
  })
  expect(packed).toMatchObject({ status: 0 })
  expect(packed.stdout).toMatch(
    /^\S+hello\.p2p {2}noted@1\.0\.0 {2}.* {2}not signed {2}4 ignored\n$/,
  )
  const { files } = JSON.parse((await cli('inspect', file, '--json')).stdout) as {
    readonly files: readonly { readonly path: string }[]
  }
  const paths = files.map(({ path }) => path)
  expect(paths).toEqual(['bin', 'bin/run', 'keep.log', 'manifest.yaml'])

  const without = await cli('pack', app, '--no-sign', '-o', file)
  expect(without.stdout).toMatch(/ {2}not signed\n$/)
  expect(JSON.parse((await cli('pack', app, '-o', file, '--json')).stdout)).toHaveProperty(
    'ignored',
    0,
  )

  writeFileSync(join(noted, '.p2pignore'), '# built anew\nbin/\n')
  const refused = await cli('pack', noted, '--no-sign', '-o', file)
  expect(refused.stderr).toBe(
    'Error BUNDLE_PACK: the entrypoint "bin/run" is no file in the package\n' +
      '.p2pignore line 2 leaves it out ("bin/"); a line "!/bin" at the end of .p2pignore takes it in.\n',
  )
  expect(refused).toMatchObject({ status: 2, stdout: '' })
})

test.each([
  ['is not there', 'nope.key', 'CONFIG_NOT_FOUND', 'there is no file'],
  ['is of another type', 'keys/signing.key', 'CONFIG_KEY', 'is an ed25519 key'],
])('pack leaves nothing unsigned for a configured key that %s', async (_name, path, code, says) => {
  await keygen('keys')
  const config = join(home.path, 'controller.yaml')
  const yaml = `security:\n  signing_key_type: rsa\n  signing_key_path: ${path}\n`
  writeFileSync(config, yaml, { mode: 0o600 })
  for (const args of [
    ['pack', app, '--out', file],
    ['config', 'check'],
  ]) {
    const { status, stderr } = await cli(...args)
    expect(stderr, args.join(' ')).toContain(`Error ${code}: ${config}:3:3: `)
    expect(stderr).toContain(says)
    expect(status).toBe(2)
  }
  expect(existsSync(file)).toBe(false)
})

test('the same tree packs to the same bytes', async () => {
  const key = await keygen('keys')
  const again = join(home.path, 'again.p2p')
  await cli('pack', app, '--key', key.key, '--out', file)
  await cli('pack', app, '--key', key.key, '--out', again)
  expect(readFileSync(again).equals(readFileSync(file))).toBe(true)
})

test('SOURCE_DATE_EPOCH says when a package was made', async () => {
  const pack = (epoch: string): Promise<CliResult> =>
    runCli(['pack', app, '--no-sign', '--out', file], {
      home: home.path,
      env: { SOURCE_DATE_EPOCH: epoch },
    })
  expect(await pack('1700000000')).toMatchObject({ status: 0 })
  expect((await cli('inspect', file)).stdout).toContain('created_at: 2023-11-14T22:13:20Z')
  const refused = await pack('tomorrow')
  expect(refused.status).toBe(2)
  expect(refused.stderr).toMatch(/^Error USAGE: SOURCE_DATE_EPOCH /m)
})

test('a key that others can read is refused with the command that corrects it', async () => {
  const key = await keygen('keys')
  execFileSync('chmod', ['644', key.key])
  const result = await cli('pack', app, '--key', key.key, '--out', file)
  expect(result.status).toBe(2)
  expect(result.stderr).toMatch(/^Error CONFIG_PERMISSIONS: /m)
  expect(result.stderr).toContain('chmod 600')
  expect(existsSync(file)).toBe(false)
})

describe('what is wrong is said once, with the right exit code', () => {
  test.each([
    { name: 'no such directory', args: ['pack', 'nowhere'], status: 2, says: 'nowhere' },
    {
      name: 'no such package',
      args: ['verify', 'none.p2p', '--trust', '0'.repeat(64)],
      status: 2,
      says: /CONFIG_KEY|BUNDLE_NOT_FOUND/,
    },
    {
      name: 'no such package to inspect',
      args: ['inspect', 'none.p2p'],
      status: 2,
      says: 'BUNDLE_NOT_FOUND',
    },
    {
      name: 'no such package to deploy',
      args: ['deploy', 'none.p2p'],
      status: 2,
      says: 'none.p2p',
    },
    {
      name: 'no directory to pack into',
      args: ['pack', 'hello-1.0.0', '--no-sign', '--out', '/nonexist/x.p2p'],
      status: 2,
      says: /^Error FILE_ACCESS: there is no directory \/nonexist\n/,
    },
    {
      name: 'a directory to pack over',
      args: ['pack', 'hello-1.0.0', '--no-sign', '--out', '.'],
      status: 2,
      says: /^Error FILE_ACCESS: .* is a directory, not a file\n/,
    },
    {
      name: 'a file to make keys in',
      args: ['keygen', '--out', 'hello-1.0.0/manifest.yaml'],
      status: 2,
      says: /^Error FILE_ACCESS: hello-1.0.0\/manifest.yaml is a file, not a directory\n/,
    },
    {
      name: 'a file as the home',
      args: ['app', 'list', '--home', 'hello-1.0.0/manifest.yaml'],
      status: 2,
      says: /^Error FILE_ACCESS: .*manifest.yaml is a file, not a directory\n/,
    },
    {
      name: 'a file on the way to the home',
      args: ['app', 'list', '--home', 'hello-1.0.0/manifest.yaml/home'],
      status: 2,
      says: /^Error FILE_ACCESS: .*manifest.yaml is a file, not a directory\n/,
    },
    {
      name: 'a key of 62 characters',
      args: ['verify', 'x.p2p', '--trust', 'a'.repeat(62)],
      status: 2,
      says: 'CONFIG_KEY',
    },
    {
      name: 'no such key',
      args: ['pack', 'hello-1.0.0', '--key', 'none.key'],
      status: 2,
      says: 'none.key',
    },
  ])('$name', async ({ args, status, says }) => {
    const result = await cli(...args)
    expect(result.status).toBe(status)
    expect(result.stderr).toMatch(says)
    expectOneMessage(result)
  })

  test('of several problems each has its line, unknown keys before the missing', async () => {
    const dir = writeApp(home.path, { name: 'bad' })
    const yaml = join(dir, 'manifest.yaml')
    writeFileSync(yaml, 'name: bad\nversion: 1.0.0\nentrypiont: bin/run\nenvv: {}\n')
    const result = await cli('pack', dir, '--no-sign')
    expect(result.stderr).toBe(
      [
        `Error CONFIG_UNKNOWN_KEY: ${yaml}:3:1: unknown key "entrypiont"`,
        'Did you mean "entrypoint"?',
        `Error CONFIG_UNKNOWN_KEY: ${yaml}:4:1: unknown key "envv"`,
        'Did you mean "env"?',
        `Error CONFIG_INVALID: ${yaml}:1:1: "entrypoint" is missing`,
        '',
      ].join('\n'),
    )
    expect(result).toMatchObject({ status: 2, stdout: '' })
  })

  test('sign writes neither over a directory nor where there is none', async () => {
    const { key } = await keygen('keys')
    await cli('pack', app, '--no-sign', '--out', file)
    for (const [out, says] of [
      ['keys', 'keys is a directory, not a file'],
      ['/nonexist/x', 'there is no directory /nonexist'],
    ] as const) {
      const result = await cli('sign', file, '--key', key, '--out', out)
      expect(result.stderr).toContain(`Error FILE_ACCESS: ${says}\n`)
      expect(result.status).toBe(2)
      expectOneMessage(result)
    }
  })

  test('a manifest that is a symlink is refused, and nothing of it is shown', async () => {
    const secret = join(home.path, 'secret')
    writeFileSync(secret, 'very secret\n')
    rmSync(join(app, 'manifest.yaml'))
    symlinkSync(secret, join(app, 'manifest.yaml'))
    const result = await cli('pack', app, '--no-sign')
    expect(result.stderr).toMatch(/^Error BUNDLE_PACK: .*manifest\.yaml is a symlink/)
    expect(result.stderr).not.toContain('very secret')
    expect(result.status).toBe(2)
  })

  test('of a manifest that is no map a few words are shown', async () => {
    writeFileSync(join(app, 'manifest.yaml'), 'all the words of a whole book. '.repeat(1000))
    const result = await cli('pack', app, '--no-sign')
    expect(result.stderr).toContain('manifest.yaml:1:1: the document must be a map, not "all the')
    expect(result.stderr.length).toBeLessThan(300)
    expect(result.status).toBe(2)
  })

  test.each([
    ['a list for a map', 'ports: [8080]', '4:1: "ports" must be a map, not a list'],
    ['a duration without a unit', 'restart: { delay: 5 }', 'must be a duration with a unit: '],
    ['a health check of no type', 'health_check: {}', '"health_check.type" is missing'],
    [
      'a health check of another port',
      'ports: { web: 0 }\nhealth_check: { type: http, endpoint: /, port: webb }',
      'names the port "webb", which is no entry of "ports"',
    ],
  ])('of a manifest with %s', async (_name, line, says) => {
    const yaml = `name: x\nversion: 1.0.0\nentrypoint: bin/run\n${line}\n`
    writeFileSync(join(app, 'manifest.yaml'), yaml)
    const result = await cli('pack', app, '--no-sign')
    expect(result.stderr).toContain(says)
    expect(result.stderr).not.toContain('in quotes')
    expect(result.status).toBe(2)
    expectOneMessage(result)
  })

  test('version 1.10 without quotes is refused with a hint', async () => {
    const dir = join(home.path, 'number')
    mkdirSync(join(dir, 'bin'), { recursive: true })
    writeFileSync(join(dir, 'manifest.yaml'), 'name: x\nversion: 1.10\nentrypoint: bin/x\n')
    const result = await cli('pack', dir, '--no-sign')
    expect(result.status).toBe(2)
    expect(result.stderr).toContain('1.10.0')
  })
})

describe('what the rights of the user do not reach is FILE_ACCESS, with the path', () => {
  test.each([
    { args: 'verify FILE', locked: 'hello.p2p', names: 'hello.p2p' },
    { args: 'inspect FILE', locked: 'hello.p2p', names: 'hello.p2p' },
    { args: 'deploy FILE', locked: 'hello.p2p', names: 'hello.p2p' },
    { args: 'pack APP --no-sign -o FILE', locked: 'hello-1.0.0/bin/run', names: 'bin/run' },
    {
      args: 'pack APP --no-sign -o FILE',
      locked: 'hello-1.0.0/manifest.yaml',
      names: 'manifest.yaml',
    },
    { args: 'pack APP --no-sign -o FILE', locked: '.', mode: 0o555, names: 'hello.p2p' },
    { args: 'init', locked: '.', mode: 0o555, names: 'signing.key' },
    { args: 'node list', locked: '.', mode: 0o555, names: 'identity' },
    { args: 'daemon start', locked: '.', mode: 0o555, names: 'run' },
    { args: 'daemon start', locked: '.', names: 'package.json' },
    { args: 'daemon status', locked: '.', names: 'daemon.json' },
  ])('$args with $locked locked', async ({ args, locked, mode = 0, names }) => {
    writeFileSync(file, 'x')
    chmodSync(home.path, 0o777)
    chmodSync(join(home.path, locked), mode)
    const words = args.replace('FILE', file).replace('APP', app).split(' ')
    const result = await runCli(words, { home: home.path, cwd: '/', through: asSomebodyElse })
    chmodSync(join(home.path, locked), 0o777)
    expect(result.stderr).toMatch(/^Error FILE_ACCESS: this user may not access \S+\n.*\n$/)
    expect(result.stderr).toContain(`${names}\n`)
    expect(result.status).toBe(2)
  })
})

function expectOneMessage(result: CliResult): void {
  expect(result.stderr.match(/^Error [A-Z_]+: /gm)).toHaveLength(1)
  expect(result.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m)
  expect(result.stdout).toBe('')
}
