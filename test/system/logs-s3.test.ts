import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { systemClock } from '@p2p-playground/core'
import type { Clock, LogBatch, LogEntry, LogSink, PluginLifecycle } from '@p2p-playground/core'
import plugin from '@p2p-playground/logs-s3'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { logSinkContract } from '@p2p-playground/testkit/contracts'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { S3LogSink } from '../../plugins/logs-s3/src/s3-log-sink.js'
import { Bucket } from '../harness/bucket.js'
import { startProxy } from '../harness/http-proxy.js'
import type { Passage } from '../harness/http-proxy.js'
import { Machines } from '../harness/machines.js'
import { until } from '../harness/processes.js'
import { Radosgw, whyNoRadosgw } from '../harness/radosgw.js'

const why = whyNoRadosgw()
if (why !== undefined) process.stderr.write(`logs in S3: left out, ${why}\n`)

const MiB = 1024 * 1024
const SIZES = { thresholdBytes: 5 * MiB, partBytes: 5 * MiB }
const DAY_MS = 86_400_000
const forever = new AbortController().signal

type Sink = LogSink & PluginLifecycle

const machines = new Machines()
const sinks: Sink[] = []
let server: Radosgw
let bucket: Bucket
let prefixes = 0

beforeAll(async () => {
  if (why !== undefined) return
  server = await Radosgw.start()
  bucket = await Bucket.create(server, 'logs')
})

afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  for (const sink of sinks.splice(0)) await sink.close?.()
})

afterAll(async () => {
  if (why === undefined) await server.remove()
  await machines.remove()
})

const nextPrefix = (): string => `test-${String((prefixes += 1))}`

/** As daemon.yaml would have it. */
async function configOf(patch: object): Promise<Parameters<typeof plugin.create>[0]['config']> {
  const { accessKeyId, secretAccessKey } = server.owner
  const given = {
    bucket: bucket.name,
    endpoint: server.endpoint,
    credentials: { access_key_id: accessKeyId, secret_access_key: secretAccessKey },
    ...patch,
  }
  const result = await plugin.config['~standard'].validate(given)
  if (result.issues !== undefined) throw new Error(JSON.stringify(result.issues))
  return result.value
}

/** Through what the package ships. */
async function sinkOf(patch: object = {}, clock: Clock = systemClock): Promise<Sink> {
  const config = await configOf(patch)
  const sink = plugin.create({ config, logger: new RecordingLogger(), clock, dataDir: '/' })
  sinks.push(sink)
  return sink
}

const lines = (texts: readonly string[], patch: object = {}): LogEntry[] =>
  texts.map((line, index) => ({
    ...{ kind: 'app', timeMs: 1_700_000_000_000 + index, node: 'n1', app: 'app' },
    ...{ version: '1.0.0', instance: 'i1', stream: 'stdout', seq: index + 1, line, ...patch },
  }))

const batchOf = (texts: readonly string[], patch: object = {}): LogBatch => ({
  id: 'batch',
  entries: lines(texts, patch),
})

async function stored(prefix: string): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for await (const entry of bucket.entries(`${prefix}/`)) entries.push(entry)
  return entries
}

async function withProxy(
  pass: (request: IncomingMessage, body: Buffer) => Passage,
  work: (endpoint: string) => Promise<void>,
): Promise<void> {
  const proxy = await startProxy(server.endpoint, pass)
  try {
    await work(proxy.endpoint)
  } finally {
    await proxy.close()
  }
}

describe.skipIf(why !== undefined)('logs in S3', () => {
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
    const [key] = await bucket.keys(prefix)
    expect(key).toContain(
      '/node=n%C3%B6de%20%2F%20%F0%9F%99%82%3D%25%2B%5C/date=2023-11-14/hour=22/',
    )
  })

  test('what is there stays as it is, unless the condition is switched off', async () => {
    const prefix = nextPrefix()
    const batch = batchOf(['a'])
    await (await sinkOf({ prefix })).write(batch, forever)
    const [key = ''] = await bucket.keys(prefix)
    await bucket.put(key, 'somebody else was here')
    await (await sinkOf({ prefix })).write(batch, forever)
    expect((await bucket.get(key)).toString()).toBe('somebody else was here')
    await (await sinkOf({ prefix, if_none_match: false })).write(batch, forever)
    expect(await stored(prefix)).toEqual(batch.entries)
  })

  describe('refused by the store:', () => {
    const keysOf = (id: string, secret: string): object => ({
      credentials: { access_key_id: id, secret_access_key: secret },
    })
    test.each<[string, () => object, string, string]>([
      [
        'a wrong secret',
        () => keysOf(server.owner.accessKeyId, 'wrong'),
        'SINK_DENIED',
        'SignatureDoesNotMatch',
      ],
      ['an unknown key', () => keysOf('AKIANOBODY', 'x'), 'SINK_DENIED', 'InvalidAccessKeyId'],
      [
        'somebody who may not',
        () => keysOf(server.stranger.accessKeyId, server.stranger.secretAccessKey),
        'SINK_DENIED',
        'AccessDenied',
      ],
      ['a bucket that is missing', () => ({ bucket: 'nowhere' }), 'SINK_DENIED', 'NoSuchBucket'],
    ])('%s', async (_name, patch, code, reason) => {
      const sink = await sinkOf(patch())
      await expect(sink.write(batchOf(['a']), forever)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(reason) as string,
      })
    })

    test('a body that was changed on the way; the next try is stored', async () => {
      const prefix = nextPrefix()
      const batch = batchOf(['a'])
      let isBad = true
      const spoil = (request: IncomingMessage, body: Buffer): Passage => {
        if (isBad && request.method === 'PUT') body[body.length - 1] = (body.at(-1) ?? 0) ^ 1
        return { body }
      }
      await withProxy(spoil, async (endpoint) => {
        const sink = await sinkOf({ prefix, endpoint })
        await expect(sink.write(batch, forever)).rejects.toMatchObject({
          code: 'SINK_UNAVAILABLE',
          message: expect.stringContaining('XAmzContentSHA256Mismatch') as string,
        })
        expect(await bucket.keys(prefix)).toEqual([])
        isBad = false
        await sink.write(batch, forever)
        await sink.close?.()
      })
      expect(await stored(prefix)).toEqual(batch.entries)
    })

    test('a clock that is an hour late; the next try is stored', async () => {
      const prefix = nextPrefix()
      const batch = batchOf(['a'])
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
      const sink = await sinkOf({ prefix })
      await expect(sink.write(batch, forever)).rejects.toMatchObject({
        code: 'SINK_UNAVAILABLE',
        message: expect.stringContaining('RequestTimeTooSkewed') as string,
      })
      await sink.write(batch, forever)
      vi.useRealTimers()
      expect(await stored(prefix)).toEqual(batch.entries)
    })
  })

  describe('credentials', () => {
    test('come from the environment', async () => {
      const prefix = nextPrefix()
      vi.stubEnv('AWS_ACCESS_KEY_ID', server.owner.accessKeyId)
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', server.owner.secretAccessKey)
      await (await sinkOf({ prefix, credentials: undefined })).write(batchOf(['a']), forever)
      expect(await stored(prefix)).toHaveLength(1)
    })

    test('come from a profile', async () => {
      const prefix = nextPrefix()
      const { accessKeyId, secretAccessKey } = server.owner
      const file = machines.path('aws-credentials')
      const keys = `aws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}`
      writeFileSync(file, `[shipper]\n${keys}\n`)
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file)
      vi.stubEnv('AWS_PROFILE', 'shipper')
      await (await sinkOf({ prefix, credentials: undefined })).write(batchOf(['a']), forever)
      expect(await stored(prefix)).toHaveLength(1)
    })

    test('are found nowhere', async () => {
      vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', machines.path('none'))
      const sink = await sinkOf({ credentials: undefined })
      await expect(sink.write(batchOf(['a']), forever)).rejects.toMatchObject({
        code: 'SINK_DENIED',
        message: expect.stringContaining('credentials') as string,
      })
    })
  })

  describe('a store that is away', () => {
    test('is unavailable until it is back', async () => {
      const prefix = nextPrefix()
      const batch = batchOf(['a', 'b'])
      const sink = await sinkOf({ prefix })
      await sink.write(batchOf(['before'], { instance: 'i0' }), forever)
      await server.down()
      await expect(sink.write(batch, forever)).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' })
      await server.up()
      await sink.write(batch, forever)
      expect((await stored(prefix)).map(({ line }) => line)).toEqual(['before', 'a', 'b'])
    })

    test('and that hangs is left with the signal, and stores the batch once all the same', async () => {
      const prefix = nextPrefix()
      const batch = batchOf(['a', 'b'])
      const sink = await sinkOf({ prefix })
      server.freeze()
      try {
        const limit = AbortSignal.timeout(300)
        await expect(sink.write(batch, limit)).rejects.toMatchObject({ name: 'TimeoutError' })
      } finally {
        server.thaw()
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
      const sink = new S3LogSink(context, SIZES)
      sinks.push(sink)
      return sink
    }

    test.each(['when-supported', 'when-required'])(
      'is stored once, checksums %s',
      async (checksums) => {
        const prefix = nextPrefix()
        const sink = await partSink({ prefix, checksums })
        await sink.write(large, forever)
        await sink.write(large, forever)
        expect(await stored(prefix)).toEqual(large.entries)
        expect(await bucket.uploads()).toEqual([])
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
        expect([...(await bucket.uploads()), ...(await bucket.keys(prefix))]).toEqual([])
        await sink.write(large, forever)
        await sink.close?.()
      })
      expect(await stored(prefix)).toEqual(large.entries)
    })

    test('that a daemon left behind is taken away a day later, and not sooner', async () => {
      const prefix = nextPrefix()
      await (await sinkOf({ prefix })).write(batchOf(['a']), forever)
      const [key = ''] = await bucket.keys(prefix)
      const other = `${prefix}/of-somebody-else`
      await bucket.beginUpload(key)
      await bucket.beginUpload(other)
      const young = await sinkOf({ prefix })
      await young.write(batchOf(['b']), forever)
      await young.close?.()
      expect(await bucket.uploads()).toEqual([key, other])
      const late = await sinkOf({ prefix }, new FakeClock(Date.now() + DAY_MS + 60_000))
      await late.write(batchOf(['c']), forever)
      await until('it is gone', async () => (await bucket.uploads()).length === 1)
      expect(await bucket.uploads()).toEqual([other])
    })
  })
})
