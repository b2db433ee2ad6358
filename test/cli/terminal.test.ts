import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BIN, cliOk } from '../harness/command.js'
import { Machines, startFleet, writeApp } from '../harness/machines.js'

/** What a person at a terminal sees; script(1) is the terminal. */
const machines = new Machines()
const one = machines.machine('one')

beforeAll(async () => {
  await startFleet([one])
  const script = 'echo "red \\033[31m."\nexec sleep 600'
  await cliOk(one, 'deploy', writeApp(machines.base, { name: 'painter', script }))
})
afterAll(async () => {
  await machines.remove()
})

const ESC = String.fromCharCode(27)

interface Shown {
  readonly code: number | null
  readonly text: string
}

/** Runs a command line of `sh` in a terminal; `keys` are typed once the screen shows `when`. */
async function terminal(
  line: string,
  options: {
    readonly env?: NodeJS.ProcessEnv
    readonly when?: RegExp
    readonly keys?: string
  } = {},
): Promise<Shown> {
  const child = spawn('script', ['-qec', `exec ${line}`, '/dev/null'], {
    cwd: machines.base,
    env: {
      PATH: process.env['PATH'],
      TERM: 'xterm',
      P2P_PLAYGROUND_HOME: one.home,
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let text = ''
  let typed = false
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
    if (typed || options.when === undefined || !options.when.test(text)) return
    typed = true
    child.stdin.write(options.keys ?? '')
  })
  const { promise, resolve, reject } = Promise.withResolvers<Shown>()
  child.once('error', reject)
  child.once('close', (code) => {
    resolve({ code, text })
  })
  return promise
}

const CTRL_C = '\u0003'

test('node list --watch draws one table over the other until Ctrl-C', async () => {
  const again = new RegExp(`NODE[^]*${ESC}\\[HNODE|NODE[^]*NODE`)
  const { code, text } = await terminal(`${BIN} node list --watch`, { when: again, keys: CTRL_C })
  expect(code).toBe(0)
  expect(text).toMatch(/one .*up/)
  expect(text.startsWith(`${ESC}[2J${ESC}[H`)).toBe(true)
  expect(text.split(`${ESC}[2J`)).toHaveLength(2)
})

test('colours are there, and none with NO_COLOR', async () => {
  expect((await terminal(`${BIN} app list`)).text).toContain(`${ESC}[32mrunning`)
  const plain = await terminal(`${BIN} app list`, { env: { NO_COLOR: '1' } })
  expect(plain.text).toContain('running')
  expect(plain.text).not.toContain(ESC)
})

test('deploy draws a bar per node', async () => {
  const app = writeApp(machines.base, { name: 'bars' })
  const { code, text } = await terminal(`${BIN} deploy ${app}`)
  expect(code).toBe(0)
  expect(text).toMatch(/packing \[[^]*one +\[[^\]]+\] 100% /)
  await cliOk(one, 'app', 'remove', 'bars')
})

test.each([
  { name: 'the Node of the checkout', path: [join(BIN, '..')] },
  { name: 'whatever Node the system has', path: ['/usr/local/bin', '/usr/bin', '/bin'] },
])('Ctrl-C ends logs --follow with 0, started by $name', async ({ path }) => {
  const env = { PATH: [...path, '/usr/bin', '/bin'].join(':') }
  const { code, text } = await terminal(`${BIN} logs painter --follow`, {
    env,
    when: /red/,
    keys: CTRL_C,
  })
  expect(code).toBe(0)
  expect(text).toContain(String.raw`red \x1b[31m.`)
  expect(text).not.toContain('Error')
})

test('Ctrl-C while a deployment waits ends it with 130 and one message', async () => {
  const app = writeApp(machines.base, {
    name: 'deaf',
    manifest:
      'ports: { web: 0 }\nhealth_check: { type: tcp, address: "127.0.0.1:${port.web}", start_period: 1h }\n',
  })
  const { code, text } = await terminal(`${BIN} deploy ${app}`, { when: /running/, keys: CTRL_C })
  expect(text).toContain('Error CANCELED: interrupted')
  expect(code).toBe(130)
  await cliOk(one, 'app', 'remove', 'deaf')
})

test('plugins reset asks, and changes nothing unless the answer is yes', async () => {
  const dir = join(machines.base, 'asked')
  mkdirSync(dir)
  writeFileSync(join(dir, 'package.json'), '{ "name": "asked", "version": "1.0.0" }')
  await cliOk(one, 'plugins', 'link', dir, '--no-install')
  for (const [keys, left] of [
    ['\r', 1],
    ['y\r', 0],
  ] as const) {
    const { code } = await terminal(`${BIN} plugins reset`, { when: /\[y\/N\]/, keys })
    expect(code).toBe(0)
    expect(JSON.parse(await cliOk(one, 'plugins', '--json'))).toHaveLength(left)
  }
})

test('the word of another tool is told ours, and nothing else is offered', async () => {
  const { code, text } = await terminal(`${BIN} app rm painter`, { when: /Y\/n/, keys: '\r' })
  expect(text.replaceAll('\r', '')).toBe(
    'Error USAGE: there is no command "app rm"\nDid you mean "app remove"?\n',
  )
  expect(code).toBe(2)
})

test('a command that is nearly right is asked for', async () => {
  const { text } = await terminal(`${BIN} psc`, { when: /Did you mean/, keys: 'y\r' })
  expect(text).toMatch(/[0-9a-f]{64}/)
})
