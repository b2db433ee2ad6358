import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AppLogEntry } from '@p2p-playground/core'
import { Bucket } from '../harness/bucket.js'
import { startProxy } from '../harness/http-proxy.js'
import type { HttpProxy, Passage } from '../harness/http-proxy.js'
import { Machines } from '../harness/machines.js'
import { Radosgw, whyNoRadosgw } from '../harness/radosgw.js'
import { SHIP_KILLS, SHIP_LINES, SHIP_OUTAGE_MS, shipThrough } from '../harness/shipping.js'

const why = whyNoRadosgw()
if (why !== undefined) process.stderr.write(`shipping to S3: left out, ${why}\n`)

const machines = new Machines()
let server: Radosgw
let bucket: Bucket
let proxy: HttpProxy

beforeAll(async () => {
  if (why !== undefined) return
  server = await Radosgw.start()
  bucket = await Bucket.create(server, 'logs')
  proxy = await startProxy(server.endpoint, difficult())
})

afterAll(async () => {
  await machines.remove()
  if (why !== undefined) return
  await proxy.close()
  await server.remove()
})

/** Three requests of ten fail, one of these after the store has done what it was asked. */
function difficult(): (request: unknown, body: Buffer) => Passage {
  let requests = 0
  return (_request, body) => {
    requests += 1
    switch (requests % 10) {
      case 2:
        return { status: 503 }
      case 5:
        return { status: 429 }
      case 8:
        return { status: 500, after: body }
      default:
        return { body }
    }
  }
}

async function* stored(): AsyncGenerator<AppLogEntry> {
  for await (const entry of bucket.entries('p2p-playground/app/'))
    if (entry.kind === 'app') yield entry
}

test.skipIf(why !== undefined)(
  `${String(SHIP_LINES)} lines are in S3, once each, over ${String(SHIP_KILLS)} kills and ${String(SHIP_OUTAGE_MS / 1000)} s without the store, which fails three of ten requests`,
  async () => {
    const { accessKeyId, secretAccessKey } = server.owner
    const config = {
      bucket: bucket.name,
      endpoint: proxy.endpoint,
      flush_interval: '1s',
      credentials: { access_key_id: accessKeyId, secret_access_key: secretAccessKey },
    }
    const report = await shipThrough({
      machines,
      sink: 's3',
      plugins: [{ use: '@p2p-playground/logs-s3', config }],
      stored,
      outage: { begin: async () => server.down(), end: async () => server.up() },
    })
    const keys = await bucket.keys()
    const { status, missing, twice, altered, repeats, burstsMs, tookMs } = report
    if (process.env['SHIP_LINES'] !== undefined)
      process.stderr.write(
        `${JSON.stringify({ objects: keys.length, repeats, tookMs, burstsMs, status })}\n`,
      )
    expect({ missing, twice, altered }).toEqual({ missing: [], twice: [], altered: [] })
    // A second try has the same key.
    expect(repeats).toBe(0)
    expect(status).toMatchObject({ state: 'ok', lagLines: 0, deadLines: 0, lostLines: 0 })
    for (const kind of ['app/app=writer', 'daemon', 'event'])
      expect(keys.some((key) => key.startsWith(`p2p-playground/${kind}/node=shipping/`))).toBe(true)
  },
  120_000 + SHIP_LINES + SHIP_OUTAGE_MS,
)
