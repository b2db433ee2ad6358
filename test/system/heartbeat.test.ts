import { afterAll, beforeAll, expect, test } from 'vitest'
import { cliJson, cliOk, follow } from '../harness/command.js'
import {
  Machines,
  apps,
  crashDaemon,
  startDaemon,
  startFleet,
  writeApp,
} from '../harness/machines.js'
import { until } from '../harness/processes.js'

/** What nodes tell of themselves while somebody watches, and what they remember of the last hour. */
const machines = new Machines()
const one = machines.machine('one')
const two = machines.machine('two')
/** A little work, all the time. */
const BUSY = 'while :; do sleep 0.01; done'

beforeAll(async () => {
  await startFleet([one, two])
  await cliOk(one, 'deploy', writeApp(machines.base, { name: 'busy', script: BUSY }))
})
afterAll(async () => {
  await machines.remove()
})

interface NodeEvent {
  readonly type: string
  readonly node: string
  readonly message: string
  readonly timeMs: number
}

interface Figure {
  readonly current: number | null
  readonly peak: number | null
  readonly samples: readonly (number | null)[]
}

test('node events tells of a crash within 20 s, of the way back and of apps; Ctrl-C ends it well', async () => {
  const watching = follow(one, 'node', 'events', '--json')
  const events = (): NodeEvent[] =>
    watching
      .text()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as NodeEvent)
  const of = (node: string): string[] =>
    events()
      .filter((event) => event.node === node)
      .map(({ type }) => type)

  await until('both are up', () => of('one').length === 1 && of('two').length === 1)
  expect(events().map(({ type }) => type)).toEqual(['node-up', 'node-up'])

  await crashDaemon(two)
  const crashedMs = Date.now()
  await until('it is down', () => of('two').length === 2)
  const down = events().at(-1)
  expect(down).toMatchObject({ type: 'node-down', node: 'two' })
  expect(down?.message).toMatch(/^no heartbeat for 15s: /)
  const tookMs = (down?.timeMs ?? 0) - crashedMs
  // The last heartbeat came up to 5 s before the crash.
  expect(tookMs).toBeGreaterThan(8000)
  expect(tookMs).toBeLessThan(20_000)

  const { addresses } = await startDaemon(two)
  await cliOk(one, 'node', 'add', addresses[0] ?? '')
  await until('it is up again', () => of('two').length === 3)
  expect(events().at(-1)).toMatchObject({
    type: 'node-up',
    message: 'up again; the daemon was started anew',
  })

  await cliOk(one, 'app', 'stop', 'busy', '--node', 'two')
  const changes = (): NodeEvent[] => events().filter(({ type }) => type === 'node-changed')
  await until('the app is told of', () => changes().length > 0)
  expect(changes()[0]?.message).toMatch(/^busy@1\.0\.0: running → /)

  watching.child.kill('SIGINT')
  expect(await watching.ended).toBe(0)
})

test('node info, node list and app describe know what is used', async () => {
  interface Info {
    readonly usage: Record<string, Figure> & { readonly sampledAtMs: readonly number[] }
  }
  await until('the app is measured', async () => {
    const [described] = await cliJson<{ lastHour: Record<string, Figure> | null }[]>(
      one,
      ...['app', 'describe', 'busy', '--node', 'one'],
    )
    return (described?.lastHour?.['cpuCores']?.current ?? null) !== null
  })
  const info = await cliJson<Info>(one, 'node', 'info', 'one')
  const { usage } = info
  expect(usage.sampledAtMs.length).toBeGreaterThanOrEqual(2)
  for (const name of ['cpuCores', 'memoryBytes', 'diskBytes', 'networkInBytesPerSecond']) {
    expect(usage[name]?.samples, name).toHaveLength(usage.sampledAtMs.length)
    expect(usage[name]?.current, name).not.toBeNull()
  }
  const text = await cliOk(one, 'node', 'info', 'one')
  expect(text).toMatch(/^cpu +[\d.]+ % of \d+ cores \(average [\d.]+ %, peak [\d.]+ %\), load /m)
  expect(text).toMatch(/^network +in .*\/s \(average/m)
  expect(await cliOk(one, 'node', 'list')).toMatch(/CPU +MEMORY/)

  const described = await cliOk(one, 'app', 'describe', 'busy', '--node', 'one')
  expect(described).toMatch(/^cpu +[\d.]+ % of a core \(average/m)
  expect(described).toMatch(/^memory +[\d.]+ .?i?B \(average/m)
  expect(described).toMatch(/^disk +[\d.]+ .?i?B \(average/m)
  expect(described).toMatch(/^network +not measured$/m)
  expect(described).not.toMatch(/[▁▂▃▄▅▆▇█]/)
  expect(await apps(one)).toHaveLength(2)
})
