import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BIN, cli, cliOk, follow } from '../harness/command.js'
import {
  Machines,
  crashDaemon,
  edit,
  startDaemon,
  startFleet,
  writeApp,
} from '../harness/machines.js'
import { until } from '../harness/processes.js'

/** The three kinds of lines, and what can be asked of them. */
const machines = new Machines()
const one = machines.machine('one')

interface Line {
  readonly kind: string
  readonly app: string | null
  readonly version: string | null
  readonly timeMs: number
  readonly line: string
}

async function logs(...args: readonly string[]): Promise<Line[]> {
  const text = (await cliOk(one, 'logs', ...args, '--json')).trim()
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Line)
}

beforeAll(async () => {
  const [status] = await startFleet([one])
  const port = /\/tcp\/(\d+)/.exec(status?.addresses[0] ?? '')?.[1] ?? ''
  edit(one, 'daemon.yaml', (text) => text.replace('/tcp/0', `/tcp/${port}`))
  for (const version of ['1.0.0', '1.1.0']) {
    const script = `echo "out of ${version}"\necho "err of ${version}" >&2\nexec sleep 600`
    await cliOk(one, 'deploy', writeApp(machines.base, { name: 'talker', version, script }))
    await until('it has spoken', async () => (await logs(`talker@${version}`)).length === 2)
  }
})

afterAll(async () => {
  await machines.remove()
})

test('with a name it shows what that app writes, and with --kind what else names it', async () => {
  const own = await logs('talker', '--grep', ' of ')
  expect(own.map(({ kind, version, line }) => [kind, version, line])).toEqual([
    ['app', '1.0.0', 'out of 1.0.0'],
    ['app', '1.0.0', 'err of 1.0.0'],
    ['app', '1.1.0', 'out of 1.1.0'],
    ['app', '1.1.0', 'err of 1.1.0'],
  ])
  const events = await logs('talker', '--kind', 'event')
  expect(events.map(({ kind }) => kind)).toContain('event')
  expect(events.every(({ app }) => app === 'talker')).toBe(true)
  // The trial goes on, so that there may be more events by now.
  const both = await logs('talker', '--kind', 'app,event')
  expect(both.filter(({ kind }) => kind === 'event').slice(0, events.length)).toEqual(events)
  expect(both.filter(({ kind }) => kind === 'app')).toEqual(await logs('talker'))
  const again = await logs('talker', '--kind', 'app', '--kind', 'event')
  expect(again.slice(0, both.length)).toEqual(both)
})

test('without a name it shows all kinds, merged by time', async () => {
  const lines = await logs()
  expect(new Set(lines.map(({ kind }) => kind))).toEqual(new Set(['app', 'daemon', 'event']))
  const times = lines.map(({ timeMs }) => timeMs)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  const text = await cliOk(one, 'logs')
  expect(text).toMatch(/^[\d-]+ [\d:.]+ one daemon log \| INFO {2}ready peerId=/m)
  expect(text).toMatch(/^[\d-]+ [\d:.]+ one event evt \| deployed .*talker@1\.0\.0/m)
  expect(text).toMatch(/^[\d-]+ [\d:.]+ one talker@1\.1\.0 err \| err of 1\.1\.0$/m)
})

test('versions, streams, texts and times are asked of each kind', async () => {
  // The shell that leads the app's processes may say that they were terminated.
  const texts = async (...args: readonly string[]): Promise<string[]> =>
    (await logs(...args)).map(({ line }) => line).filter((line) => line !== 'Terminated')
  const ofOne = ['out of 1.0.0', 'err of 1.0.0']
  expect(await texts('talker', '--version', '1.0.0')).toEqual(ofOne)
  expect(await texts('talker@1.0.0')).toEqual(ofOne)
  expect(await texts('talker@1.0.0', '--version', '1.0.0', '--stream', 'stderr')).toEqual([
    'err of 1.0.0',
  ])
  expect(await texts('talker', '--stream', 'pre-start')).toEqual([])
  expect(await texts('--kind', 'daemon', '--grep', 'ready', '--tail', '1')).toHaveLength(1)
  const all = await logs('talker', '--grep', ' of ')
  const until = new Date(all[1]?.timeMs ?? 0).toISOString()
  expect(await texts('talker', '--until', until)).toEqual(ofOne)
  const since = new Date((all[1]?.timeMs ?? 0) + 1).toISOString()
  expect(await texts('talker', '--since', since)).toEqual(['out of 1.1.0', 'err of 1.1.0'])
  expect(await texts('--until', '1h')).toEqual([])
})

test.each([
  [['--version', '1.0.0'], /USAGE: --version needs an app/],
  [
    ['talker@1.0.0', '--version', '2.0.0'],
    /USAGE: two versions are asked for: 1\.0\.0 and 2\.0\.0/,
  ],
  [['--kind', 'rumour'], /--kind/],
  [['--until', '1m', '--follow'], /--until/],
])('logs %j is a usage error', async (args, message) => {
  const { code, stderr } = await cli(one, 'logs', ...args)
  expect(stderr).toMatch(message)
  expect(code).toBe(2)
})

test('of an app that is gone, events are left', async () => {
  await cliOk(one, 'deploy', writeApp(machines.base, { name: 'gone' }))
  await cliOk(one, 'app', 'remove', 'gone')
  expect(await cli(one, 'logs', 'gone', '--node', 'one')).toMatchObject({ code: 1 })
  expect((await logs('gone', '--kind', 'event')).at(-1)?.line).toMatch(/^removed /)
})

test('all kinds are followed over a daemon that is killed', async () => {
  const follower = follow(one, 'logs', '--follow', '--tail', '1')
  await follower.until(/\n/)
  await cliOk(one, 'app', 'restart', 'talker')
  await follower.until(/event evt \| started/)
  await follower.until(/out \| out of 1\.1\.0/)
  await crashDaemon(one)
  await startDaemon(one)
  await follower.until(/event evt \| daemon-started/)
  await follower.until(/daemon log \| INFO {2}ready/)
  await cliOk(one, 'app', 'restart', 'talker')
  await follower.until(/(out of 1\.1\.0[^]*){2}/)
  follower.child.kill('SIGINT')
  expect(await follower.ended).toBe(0)
  const text = follower.text()
  expect(text.match(/daemon log \| INFO {2}ready/g)).toHaveLength(1)
  expect(text.match(/event evt \| daemon-started/g)).toHaveLength(1)
  expect(text.match(/out \| out of/g)).toHaveLength(2)
})

test('lines that the cap took are told of wherever they may be meant', async () => {
  edit(one, 'daemon.yaml', (text) => `${text}\nlogging: { max_size: 256Ki }\n`)
  await crashDaemon(one)
  await startDaemon(one)
  const script = `i=0; while [ $i -lt 10000 ]; do i=$((i+1)); echo "line $i ${'x'.repeat(80)}"; done
echo done
exec sleep 600`
  await cliOk(one, 'deploy', writeApp(machines.base, { name: 'flood', script }))
  await until('all is stored', async () => (await logs('flood', '--tail', '1'))[0]?.line === 'done')
  const all = await cli(one, 'logs', 'flood', '--tail', '100000', '--json')
  const kept = all.stdout.trim().split('\n').length
  const warning = `one: ${String(10_001 - kept)} lines were dropped from flood@1.0.0`
  expect(kept).toBeLessThan(10_000)
  expect(all.stderr).toContain(`Warning: ${warning}`)
  expect((await cli(one, 'logs', 'flood', '--grep', 'no such line')).stderr).toContain(warning)
  expect((await cli(one, 'logs', 'flood')).stderr).toBe('')
  expect(await cliOk(one, 'app', 'describe', 'flood')).toMatch(/^log +\d+ lines dropped/m)
  expect((await logs('flood', '--kind', 'daemon'))[0]?.line).toMatch(/log-lines-dropped app=flood/)
})

test('a reader that is slow gets all lines', () => {
  // More than a pipe holds, and less than what would make the command wait before it ends.
  const line = `"${BIN}" logs flood --tail 400 --json | (sleep 1; wc -l)`
  const env = { ...process.env, P2P_PLAYGROUND_HOME: one.home }
  expect(spawnSync('sh', ['-c', line], { encoding: 'utf8', env }).stdout.trim()).toBe('400')
})
