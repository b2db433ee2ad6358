import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Machines } from '../harness/machines.js'
import { until } from '../harness/processes.js'
import {
  SHIP_KILLS,
  SHIP_LINES,
  linkPlugin,
  shipThrough,
  shipped,
  shippingFigures,
  sinkStatus,
  startWriter,
} from '../harness/shipping.js'
import { StrictServer } from '../harness/strict-server.js'

const SINK = 'http-test'
const PLUGIN = join(import.meta.dirname, '../fixtures/plugin-http-sink')
/** To find one takes some thirty tries, each of which may run into trouble. */
const POISON_EVERY = Math.ceil(SHIP_LINES / Math.min(20, Math.max(3, SHIP_LINES / 50_000)))

let machines: Machines
let server: StrictServer

const setup = (): Pick<Parameters<typeof startWriter>[0], 'machines' | 'sink' | 'plugins'> => ({
  machines,
  sink: SINK,
  plugins: [{ use: 'plugin-http-sink', config: { url: server.url } }],
})

beforeEach(async () => {
  machines = new Machines()
  linkPlugin(machines.machine('shipping'), 'plugin-http-sink', PLUGIN)
  server = new StrictServer()
  await server.start()
})

afterEach(async () => {
  await machines.remove()
  await server.stop()
})

test(`${String(SHIP_LINES)} lines get to a far side that is difficult and away for a while, over ${String(SHIP_KILLS)} kills of the daemon`, async () => {
  const report = await shipThrough({
    ...setup(),
    stored: () => server.stored,
    outage: { begin: () => server.stop(), end: () => server.start() },
    poisonEvery: POISON_EVERY,
  })
  process.stdout.write(shippingFigures(report))
  const poisoned = Array.from(
    { length: Math.floor(report.written / POISON_EVERY) },
    (_, index) => (index + 1) * POISON_EVERY,
  )
  expect({ ...report, changed: server.changed }).toMatchObject({
    ...{ missing: poisoned, twice: [], altered: [], changed: [] },
    status: { state: 'ok', deadLines: poisoned.length, lostLines: 0 },
  })
  expect(new Set(server.others.map(({ kind }) => kind))).toEqual(new Set(['daemon', 'event']))
}, 3_600_000)

test('an app writes as fast while its sink takes and never answers, and all of it gets there afterwards', async () => {
  server.isCalm = true
  const writer = await startWriter(setup())
  try {
    writer.burst()
    await writer.finished()
    await shipped(writer.node, SINK)
    const before = server.stored.length
    server.isStuck = true
    writer.burst()
    await writer.finished()
    expect(server.stored).toHaveLength(before)
    expect((await sinkStatus(writer.node, SINK)).lagLines).toBeGreaterThanOrEqual(before - 1)
    const [free = 0, stuck = 0] = writer.burstsMs()
    // Nothing like the time limit of a sink; a busy machine must do.
    expect(stuck).toBeLessThan(5 * free + 2000)
    await server.stop()
    server.isStuck = false
    await server.start()
    await shipped(writer.node, SINK)
    await until('all is there', () => server.stored.length === 2 * before - 1)
  } finally {
    await writer.node.close()
  }
})
