import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Machines } from '../harness/machines.js'
import { SHIP_KILLS, SHIP_LINES, linkPlugin, shipThrough } from '../harness/shipping.js'
import { StrictServer } from '../harness/strict-server.js'

const PLUGIN = join(import.meta.dirname, '../fixtures/plugin-http-sink')
/** To find one takes some thirty tries, each of which may run into trouble. */
const POISON_EVERY = Math.ceil(SHIP_LINES / Math.min(20, Math.max(3, SHIP_LINES / 50_000)))

const machines = new Machines()
const server = new StrictServer()

beforeAll(async () => {
  await server.start()
})

afterAll(async () => {
  await machines.remove()
  await server.stop()
})

test(`${String(SHIP_LINES)} lines get to a far side that is difficult and away for a while, over ${String(SHIP_KILLS)} kills of the daemon`, async () => {
  linkPlugin(machines.machine('shipping'), 'plugin-http-sink', PLUGIN)
  const report = await shipThrough({
    machines,
    sink: 'http-test',
    plugins: [{ use: 'plugin-http-sink', config: { url: server.url } }],
    stored: () => server.stored,
    outage: { begin: () => server.stop(), end: () => server.start() },
    poisonEvery: POISON_EVERY,
  })
  const { missing, ...rest } = report
  expect({ ...rest, changed: server.changed }).toMatchObject({
    twice: [],
    altered: [],
    changed: [],
  })
  const poisoned = Array.from(
    { length: Math.floor(SHIP_LINES / POISON_EVERY) },
    (_, index) => (index + 1) * POISON_EVERY,
  )
  expect(missing).toEqual(poisoned)
}, 3_600_000)
