import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { systemClock } from '@p2p-playground/core'
import type { LogSink } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { logSinkContract } from '@p2p-playground/testkit/contracts'
import { describe, expect, test } from 'vitest'
import { S3LogSink } from '../../plugins/logs-s3/src/s3-log-sink.js'
import type { Passage } from '../harness/http-proxy.js'
import { until } from '../harness/processes.js'
import { batchOf, forever, nextPrefix, storeOfFile } from './logs-s3.test.support.js'
import type { Sink } from './logs-s3.test.support.js'

const MiB = 1024 * 1024
const SIZES = { thresholdBytes: 5 * MiB, partBytes: 5 * MiB }
const DAY_MS = 86_400_000

const s3 = storeOfFile('logs in S3')
const { configOf, keep, sinkOf, stored, withProxy } = s3

describe.skipIf(s3.why !== undefined)('logs in S3', () => {
  describe.each(['when-supported', 'when-required'])('with checksums %s', (checksums) => {
    const prefixOf = new Map<LogSink, string>()
    logSinkContract(`s3 with radosgw, checksums ${checksums},`, {
      create: async () => {
        const prefix = nextPrefix()
        const sink = await sinkOf({ prefix, checksums })
        prefixOf.set(sink, prefix)
        return sink
      },
      stored: async (sink) => stored(prefixOf.get(sink) ?? ''),
    })
  })

  test('odd names and a huge line come back as they were', async () => {
    const prefix = nextPrefix()
    const odd = { node: 'nöde / 🙂=%+\\', version: '1.0.0-rc.1+build.7' }
    const batch = batchOf(['x'.repeat(20 * MiB), '你好\0'], odd)
    const sink = await sinkOf({ prefix })
    await sink.write(batch, forever)
    await sink.write(batch, forever)
    expect(await stored(prefix)).toEqual(batch.entries)
    const [key] = await s3.bucket.keys(prefix)
    expect(key).toContain(
      '/node=n%C3%B6de%20%2F%20%F0%9F%99%82%3D%25%2B%5C/date=2023-11-14/hour=22/',
    )
  })

  test('what is there stays as it is, unless the condition is switched off', async () => {
    const prefix = nextPrefix()
    const batch = batchOf(['a'])
    await (await sinkOf({ prefix })).write(batch, forever)
    const [key = ''] = await s3.bucket.keys(prefix)
    await s3.bucket.put(key, 'somebody else was here')
    await (await sinkOf({ prefix })).write(batch, forever)
    expect((await s3.bucket.get(key)).toString()).toBe('somebody else was here')
    await (await sinkOf({ prefix, if_none_match: false })).write(batch, forever)
    expect(await stored(prefix)).toEqual(batch.entries)
  })

  describe('a store that is away', () => {
    test('is unavailable until it is back', async () => {
      const prefix = nextPrefix()
      const batch = batchOf(['a', 'b'])
      const sink = await sinkOf({ prefix })
      await sink.write(batchOf(['before'], { instance: 'i0' }), forever)
      await s3.server.down()
      await expect(sink.write(batch, forever)).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' })
      await s3.server.up()
      await sink.write(batch, forever)
      expect((await stored(prefix)).map(({ line }) => line)).toEqual(['before', 'a', 'b'])
    })

    test('and that hangs is left with the signal, and stores the batch once all the same', async () => {
      const prefix = nextPrefix()
      const batch = batchOf(['a', 'b'])
      const sink = await sinkOf({ prefix })
      s3.server.freeze()
      try {
        const limit = AbortSignal.timeout(300)
        await expect(sink.write(batch, limit)).rejects.toMatchObject({ name: 'TimeoutError' })
      } finally {
        s3.server.thaw()
      }
      await sink.write(batch, forever)
      expect(await stored(prefix)).toEqual(batch.entries)
    })
  })

  describe('a batch that goes in parts', () => {
    const large = batchOf(
      Array.from({ length: 64 }, () => randomBytes(192 * 1024).toString('base64')),
    )

    async function partSink(patch: object): Promise<Sink> {
      const config = await configOf(patch)
      const context = { config, logger: new RecordingLogger(), clock: systemClock, dataDir: '/' }
      return keep(new S3LogSink(context, SIZES))
    }

    test.each(['when-supported', 'when-required'])(
      'is stored once, checksums %s',
      async (checksums) => {
        const prefix = nextPrefix()
        const sink = await partSink({ prefix, checksums })
        await sink.write(large, forever)
        await sink.write(large, forever)
        expect(await stored(prefix)).toEqual(large.entries)
        expect(await s3.bucket.uploads()).toEqual([])
      },
    )

    test('leaves nothing behind when a part fails', async () => {
      const prefix = nextPrefix()
      let parts = 0
      const failSecond = (request: IncomingMessage, body: Buffer): Passage => {
        const isPart = (request.url ?? '').includes('partNumber=')
        return isPart && (parts += 1) === 2 ? { status: 503 } : { body }
      }
      await withProxy(failSecond, async (endpoint) => {
        const sink = await partSink({ prefix, endpoint })
        await expect(sink.write(large, forever)).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' })
        expect(parts).toBe(2)
        expect([...(await s3.bucket.uploads()), ...(await s3.bucket.keys(prefix))]).toEqual([])
        await sink.write(large, forever)
        await sink.close?.()
      })
      expect(await stored(prefix)).toEqual(large.entries)
    })

    test('that a daemon left behind is taken away a day later, and not sooner', async () => {
      const prefix = nextPrefix()
      await (await sinkOf({ prefix })).write(batchOf(['a']), forever)
      const [key = ''] = await s3.bucket.keys(prefix)
      const other = `${prefix}/of-somebody-else`
      await s3.bucket.beginUpload(key)
      await s3.bucket.beginUpload(other)
      const young = await sinkOf({ prefix })
      await young.write(batchOf(['b']), forever)
      await young.close?.()
      expect(await s3.bucket.uploads()).toEqual([key, other])
      const late = await sinkOf({ prefix }, new FakeClock(Date.now() + DAY_MS + 60_000))
      await late.write(batchOf(['c']), forever)
      await until('it is gone', async () => (await s3.bucket.uploads()).length === 1)
      expect(await s3.bucket.uploads()).toEqual([other])
    })
  })
})
