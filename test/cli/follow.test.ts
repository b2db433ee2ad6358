import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BIN, cleanEnv, cli, cliOk, follow } from '../harness/command.js'
import { Machines, apps, startFleet, writeApp } from '../harness/machines.js'

/** Logs, events and `run`: what they show, and how they end. */
const machines = new Machines()
const one = machines.machine('one')

beforeAll(async () => {
  await startFleet([one])
  const talker = { name: 'talker', script: 'echo "hello from $$"\nexec sleep 600' }
  await cliOk(one, 'deploy', writeApp(machines.base, talker))
})

afterAll(async () => {
  await machines.remove()
})

test('logs prints plain lines, or JSON lines that begin with the first', async () => {
  const plain = await cliOk(one, 'logs', 'talker', '--node', 'one')
  expect(plain).toMatch(/^\d{4}-\d\d-\d\d [\d:.]+ one talker@1\.0\.0 out \| hello from \d+$/m)
  const [line = ''] = (await cliOk(one, 'logs', 'talker', '--node', 'one', '--json')).split('\n')
  expect(JSON.parse(line)).toMatchObject({ node: 'one', app: 'talker', stream: 'stdout', seq: 1 })
})

test('logs cannot drive the terminal; JSON keeps what was written', async () => {
  const script = String.raw`printf 'red \033[31m and back\010\n'` + '\nexec sleep 600'
  await cliOk(one, 'deploy', writeApp(machines.base, { name: 'painter', script }))
  const follower = follow(one, 'logs', 'painter', '--node', 'one', '--follow')
  await follower.until(/red/)
  follower.child.kill('SIGINT')
  await follower.ended
  expect(follower.text()).toContain(String.raw`red \x1b[31m and back\x08`)
  const json = await cliOk(one, 'logs', 'painter', '--node', 'one', '--json')
  expect(JSON.parse(json)).toMatchObject({ line: 'red \u001b[31m and back\b' })
  await cliOk(one, 'app', 'remove', 'painter')
})

test.each([['logs', 'talker'], ['events']])(
  '%s --follow shows what is new and ends with 0 on Ctrl-C',
  async (...command) => {
    const follower = follow(one, ...command, '--follow', '--tail', '1', '--node', 'one')
    await follower.until(/^.+\n/)
    await cliOk(one, 'app', 'restart', 'talker')
    await follower.until(/^.+\n.+\n/)
    follower.child.kill('SIGINT')
    expect(await follower.ended).toBe(0)
    expect(follower.text()).not.toMatch(/Error|Warning/)
  },
)

test('while logs are followed, packages can be deployed from the same home', async () => {
  const follower = follow(one, 'logs', 'talker', '--follow')
  await follower.until(/hello/)
  await cliOk(one, 'deploy', writeApp(machines.base, { name: 'beside' }))
  expect((await apps(one)).map(({ app }) => app)).toContain('beside')
  await cliOk(one, 'app', 'remove', 'beside')
  follower.child.kill('SIGINT')
  expect(await follower.ended).toBe(0)
})

test('two Ctrl-C at once, as a terminal and a launcher send them, count as one', async () => {
  const follower = follow(one, 'logs', 'talker', '--follow')
  await follower.until(/hello/)
  follower.child.kill('SIGINT')
  follower.child.kill('SIGINT')
  expect(await follower.ended).toBe(0)
})

test('--timeout ends following with 0', async () => {
  expect(await cli(one, 'logs', 'talker', '--follow', '--timeout', '1s')).toMatchObject({
    code: 0,
  })
})

test('events tell what happened', async () => {
  const events = (await cliOk(one, 'events', '--json')).trim().split('\n')
  const types = events.map((text) => (JSON.parse(text) as { type: string }).type)
  expect(types).toEqual(expect.arrayContaining(['deployed', 'started', 'stopped']))
  expect(await cliOk(one, 'events', '--tail', '1')).toMatch(/^\d{4}-/)
})

test('run leaves the app running on Ctrl-C and says how to stop it', async () => {
  const app = writeApp(machines.base, { name: 'runner', script: 'echo running\nexec sleep 600' })
  const follower = follow(one, 'run', app, '--node', 'one')
  await follower.until(/\| running/)
  follower.child.kill('SIGINT')
  expect(await follower.ended).toBe(0)
  expect(follower.text()).toContain('p2p-playground app stop runner')
  const row = (await apps(one)).find(({ app: name }) => name === 'runner')
  expect(row).toMatchObject({ state: 'running' })
  await cliOk(one, 'app', 'remove', 'runner')
})

/** What a command prints, in the order in which a person sees it. */
function shown(...args: readonly string[]): {
  readonly status: number | null
  readonly text: string
} {
  const env = { ...cleanEnv(), P2P_PLAYGROUND_HOME: one.home }
  const { status, stdout } = spawnSync('sh', ['-c', 'exec "$0" "$@" 2>&1', BIN, ...args], {
    encoding: 'utf8',
    env,
  })
  return { status, text: stdout }
}

const manifest = 'restart: { policy: never }\n'

test('run shows the last lines of an app that does not come up, before the error', async () => {
  const script = 'seq 30\necho "no such table" >&2\nexit 3'
  const falls = writeApp(machines.base, { name: 'falls', manifest, script })
  const { status, text } = shown('run', falls)
  expect(text).toMatch(
    /one falls@1\.0\.0 out \| 30\n.* one falls@1\.0\.0 err \| no such table\nError APP_/,
  )
  expect(text.match(/ \| /g)).toHaveLength(20)
  expect(status).toBe(1)
  await cliOk(one, 'app', 'remove', 'falls')
})

test('run --json shows them as JSON lines', async () => {
  const terse = writeApp(machines.base, { name: 'terse', manifest, script: 'echo no\nexit 3' })
  const [line = '', error = ''] = shown('run', terse, '--json').text.split('\n')
  expect(JSON.parse(line)).toMatchObject({
    kind: 'app',
    app: 'terse',
    stream: 'stdout',
    line: 'no',
  })
  expect(JSON.parse(error)).toHaveProperty('error.code', 'APP_START')
  await cliOk(one, 'app', 'remove', 'terse')
})

test('of an app that ran before, run shows what it wrote since', async () => {
  const mark = machines.path('ran')
  const script = `[ -e ${mark} ] && echo now && exit 3\n: >${mark}\necho then\nexec sleep 600`
  const app = writeApp(machines.base, { name: 'ran', manifest, script })
  await cliOk(one, 'deploy', app)
  await cliOk(one, 'app', 'stop', 'ran')
  const lines = shown('run', app).text.match(/ \| .*/g)
  expect(lines?.filter((line) => !line.includes('Terminated'))).toEqual([' | now'])
  await cliOk(one, 'app', 'remove', 'ran')
})

test('run shows them too when the health check fails', async () => {
  const health = 'type: tcp, address: "127.0.0.1:${port.web}", interval: 100ms, retries: 1'
  const app = writeApp(machines.base, {
    name: 'sick',
    script: 'echo "port 80 is taken"\nexec sleep 600',
    manifest: `ports: { web: 0 }\nhealth_check: { ${health} }\nrestart: { policy: never }\n`,
  })
  const { status, text } = shown('run', app, '--node', 'one', '--timeout', '3s')
  expect(text).toMatch(/one sick@1\.0\.0 out \| port 80 is taken\nError APP_/)
  expect(status).not.toBe(0)
  await cliOk(one, 'app', 'remove', 'sick')
})

test('run begins with the first line of the app, also where the clock of the node is behind', async () => {
  const path = machines.path('ahead.cjs')
  writeFileSync(path, 'const { now } = Date\nDate.now = () => now() + 60_000\n')
  const ahead = { ...one, env: { NODE_OPTIONS: `--require ${path}` } }
  const script = 'echo first\nwhile :; do sleep 0.1; echo more; done'
  const app = writeApp(machines.base, { name: 'early', script })
  const begins = async (): Promise<string> => {
    const follower = follow(ahead, 'run', app, '--node', 'one', '--stop-on-exit')
    await follower.until(/\| more/)
    follower.child.kill('SIGINT')
    expect(await follower.ended).toBe(0)
    return /\| (.*)/.exec(follower.text())?.[1] ?? ''
  }
  expect(await begins()).toBe('first')
  // Behind what the same version wrote before.
  expect(await begins()).toBe('first')
  await cliOk(one, 'app', 'remove', 'early')
})

test('run --stop-on-exit stops it', async () => {
  const app = writeApp(machines.base, { name: 'guest', script: 'echo running\nexec sleep 600' })
  const follower = follow(one, 'run', app, '--node', 'one', '--stop-on-exit')
  await follower.until(/\| running/)
  follower.child.kill('SIGINT')
  expect(await follower.ended).toBe(0)
  const row = (await apps(one)).find(({ app: name }) => name === 'guest')
  expect(row).toMatchObject({ state: 'stopped', pid: null })
  await cliOk(one, 'app', 'remove', 'guest')
})

test('run --stop-on-exit says that the app may still run when it could not stop it', async () => {
  const app = writeApp(machines.base, { name: 'stray', script: 'echo running\nexec sleep 600' })
  const follower = follow(one, 'run', app, '--node', 'one', '--stop-on-exit')
  await follower.until(/\| running/)
  await cliOk(one, 'daemon', 'stop')
  follower.child.kill('SIGINT')
  expect(await follower.ended).not.toBe(0)
  expect(follower.text()).toMatch(/Warning: stray may still run/)
  await cliOk(one, 'daemon', 'start')
  await cliOk(one, 'app', 'remove', 'stray')
})
