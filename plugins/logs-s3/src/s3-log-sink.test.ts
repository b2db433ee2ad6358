import { systemClock } from '@p2p-playground/core'
import type { Clock, LogBatch, LogEntry } from '@p2p-playground/core'
import { FakeClock, RecordingLogger, waitFor } from '@p2p-playground/testkit'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { s3Config } from './config.js'
import { FakeStore, answer, s3Error } from './fake-store.test.support.js'
import type { Fault } from './fake-store.test.support.js'
import { S3LogSink } from './s3-log-sink.js'

const forever = new AbortController().signal
let store: FakeStore
let logger: RecordingLogger
const sinks: S3LogSink[] = []

beforeEach(async () => {
  store = await FakeStore.start()
  logger = new RecordingLogger()
})

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close()
  await store.close()
})

function sinkOf(patch: object = {}, clock: Clock = new FakeClock()): S3LogSink {
  const config = v.parse(s3Config, {
    bucket: 'bucket',
    endpoint: store.endpoint,
    credentials: { access_key_id: 'id', secret_access_key: 'top-secret' },
    ...patch,
  })
  const sink = new S3LogSink({ config, logger, clock, dataDir: '/' })
  sinks.push(sink)
  return sink
}

const line = (seq: number, patch: object = {}): LogEntry => ({
  ...{ kind: 'app', timeMs: 0, node: 'n1', app: 'a', version: '1.0.0', instance: 'i' },
  ...{ stream: 'stdout', seq, line: `line ${String(seq)}`, ...patch },
})
const batch: LogBatch = { id: 'b', entries: [line(1), line(2)] }

const html = '<html><body>no</body></html>'
const torn: Fault = (request) => {
  request.socket.destroy()
  return true
}

describe('an answer of the store', () => {
  it.each<[string, Fault, string, RegExp]>([
    ['EntityTooLarge', s3Error(400, 'EntityTooLarge'), 'SINK_REFUSED', /400: EntityTooLarge/],
    ['a 413 of a proxy', answer(413, html), 'SINK_REFUSED', /413/],
    ['NoSuchBucket', s3Error(404, 'NoSuchBucket'), 'SINK_DENIED', /404: NoSuchBucket: because/],
    ['AccessDenied', s3Error(403, 'AccessDenied'), 'SINK_DENIED', /AccessDenied/],
    ['a wrong secret', s3Error(403, 'SignatureDoesNotMatch'), 'SINK_DENIED', /SignatureDoesNot/],
    ['another region', s3Error(301, 'PermanentRedirect'), 'SINK_DENIED', /PermanentRedirect/],
    [
      'another region in the signature',
      s3Error(400, 'AuthorizationHeaderMalformed'),
      'SINK_DENIED',
      /AuthorizationHeaderMalformed/,
    ],
    ['a 400 that nobody knows', s3Error(400, 'InvalidRequest'), 'SINK_DENIED', /InvalidRequest/],
    ['a 400 of a proxy', answer(400, html), 'SINK_DENIED', /400/],
    ['a 401 of a proxy', answer(401, html), 'SINK_DENIED', /401/],
    ['what it cannot do', s3Error(501, 'NotImplemented'), 'SINK_DENIED', /NotImplemented/],
    ['a body that was torn', s3Error(400, 'IncompleteBody'), 'SINK_UNAVAILABLE', /Incomplete/],
    [
      'a body that was changed',
      s3Error(400, 'XAmzContentSHA256Mismatch'),
      'SINK_UNAVAILABLE',
      /SHA256Mismatch/,
    ],
    ['its own time-out', s3Error(400, 'RequestTimeout'), 'SINK_UNAVAILABLE', /RequestTimeout/],
    ['a clock', s3Error(403, 'RequestTimeTooSkewed'), 'SINK_UNAVAILABLE', /TooSkewed/],
    ['a token', s3Error(400, 'ExpiredToken'), 'SINK_UNAVAILABLE', /ExpiredToken/],
    [
      'the same object at once',
      s3Error(409, 'ConditionalRequestConflict'),
      'SINK_UNAVAILABLE',
      /409/,
    ],
    ['SlowDown', s3Error(503, 'SlowDown'), 'SINK_UNAVAILABLE', /503: SlowDown: because/],
    ['a 500 without a word', answer(500, ''), 'SINK_UNAVAILABLE', /500/],
    ['a 502 of a proxy', answer(502, html), 'SINK_UNAVAILABLE', /502/],
    ['a torn connection', torn, 'SINK_UNAVAILABLE', /cannot be reached/],
  ])('%s', async (_name, fault, code, message) => {
    store.fault = fault
    const writing = sinkOf().write(batch, forever)
    await expect(writing).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
    expect(store.requests).toHaveLength(1)
    expect(store.objects.size).toBe(0)
  })

  it.each<[Fault, number | undefined]>([
    [s3Error(503, 'SlowDown', { 'retry-after': '7' }), 7000],
    [answer(429, '', { 'retry-after': '0' }), 0],
    [s3Error(503, 'SlowDown'), undefined],
  ])('carries Retry-After (%#)', async (fault, retryAfterMs) => {
    store.fault = fault
    const error: unknown = await sinkOf()
      .write(batch, forever)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'SINK_UNAVAILABLE' })
    expect((error as { details: object }).details).toEqual(
      retryAfterMs === undefined ? {} : { retryAfterMs },
    )
  })

  it('never shows the secret', async () => {
    store.fault = s3Error(403, 'SignatureDoesNotMatch')
    const error: unknown = await sinkOf()
      .write(batch, forever)
      .catch((thrown: unknown) => thrown)
    expect(JSON.stringify([error, (error as Error).message, logger.lines])).not.toContain(
      'top-secret',
    )
  })
})

describe('a write', () => {
  it('says that a 412 is an error where it did not ask for the condition', async () => {
    store.fault = s3Error(412, 'PreconditionFailed')
    const writing = sinkOf({ if_none_match: false }).write(batch, forever)
    await expect(writing).rejects.toMatchObject({ code: 'SINK_DENIED' })
    expect(store.requests[0]?.headers).not.toHaveProperty('if-none-match')
  })

  it('asks for class and encryption, and sends checksums as configured', async () => {
    const config = { storage_class: 'STANDARD_IA', server_side_encryption: 'AES256' }
    await sinkOf(config).write(batch, forever)
    await sinkOf({ checksums: 'when-required', prefix: '' }).write(batch, forever)
    const puts = store.requests.filter(({ method }) => method === 'PUT')
    expect(puts[0]).toMatchObject({
      url: expect.stringMatching(/^\/bucket\/p2p-playground\/app\/app%3Da\//) as string,
      headers: {
        'x-amz-storage-class': 'STANDARD_IA',
        'x-amz-server-side-encryption': 'AES256',
        'x-amz-checksum-crc32': expect.any(String) as string,
        'if-none-match': '*',
      },
    })
    expect(puts[1]?.url).toMatch(/^\/bucket\/app\//)
    expect(Object.keys(puts[1]?.headers ?? {}).join(' ')).not.toMatch(/checksum|storage-class/)
  })

  it('stores each source of a batch on its own', async () => {
    const other = { app: 'b', version: '2.0.0' }
    const mixed = { id: 'b', entries: [line(1), line(9, other), line(2), line(10, other)] }
    await sinkOf().write(mixed, forever)
    expect(
      [...store.objects.keys()].map((key) =>
        /app=.*?\/|\d{12}-\d{12}/g[Symbol.match](decodeURIComponent(key)),
      ),
    ).toEqual([
      ['app=a/', '000000000001-000000000002'],
      ['app=b/', '000000000009-000000000010'],
    ])
  })

  it('keeps lines of a node whose numbers began anew apart from the old ones', async () => {
    const sink = sinkOf()
    await sink.write({ id: 'b', entries: [line(1)] }, forever)
    await sink.write({ id: 'b', entries: [line(1, { line: 'of another life' })] }, forever)
    expect(store.stored().map((entry) => entry.line)).toEqual(['line 1', 'of another life'])
  })

  it.each<[string, Fault]>([['the store does not answer', () => true]])(
    'ends with the reason of its signal when %s',
    async (_name, fault) => {
      store.fault = fault
      const stop = new AbortController()
      const writing = sinkOf().write(batch, stop.signal)
      await waitFor('the request', () => store.requests.length > 0)
      const reason = new Error('enough')
      stop.abort(reason)
      await expect(writing).rejects.toBe(reason)
    },
  )

  it('is unavailable when nobody listens', async () => {
    const gone = await FakeStore.start()
    const { endpoint } = gone
    await gone.close()
    const sink = sinkOf({ endpoint })
    await expect(sink.write(batch, forever)).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringMatching(/ECONNREFUSED/) as string,
    })
  })
})

describe('uploads that never ended', () => {
  const stale =
    'p2p-playground/app/app=a/node=n/date=2026-03-01/hour=00/1.i.000000000001-000000000002.ab12ab12ab12.ndjson.gz'
  const upload = (key: string, begun: string, id = 'up'): string =>
    `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${begun}</Initiated></Upload>`

  it('are aborted after a day, once, and only ours', async () => {
    const aborted: string[] = []
    store.fault = (request, response) => {
      if (request.method === 'DELETE') {
        aborted.push(decodeURIComponent(request.url ?? ''))
        return answer(204, '')(request, response)
      }
      if (request.method !== 'GET') return false
      const isSecond = request.url?.includes('key-marker=more') === true
      const uploads = isSecond
        ? [upload(stale, '1960-01-01T00:00:00Z')]
        : [
            upload(stale, '2100-01-01T00:00:00Z'),
            upload('p2p-playground/of/another.gz', '1960-01-01T00:00:00Z'),
            '<IsTruncated>true</IsTruncated><NextKeyMarker>more</NextKeyMarker>',
          ]
      const page = `<ListMultipartUploadsResult>${uploads.join('')}</ListMultipartUploadsResult>`
      return answer(200, page)(request, response)
    }
    const sink = sinkOf()
    await sink.write(batch, forever)
    await sink.write({ id: 'c', entries: [line(3)] }, forever)
    await waitFor('the end of it', () => logger.lines.length > 0)
    expect(aborted).toEqual([`/bucket/${stale}?uploadId=up&x-id=AbortMultipartUpload`])
    expect(logger.lines).toMatchObject([{ event: 'stale-uploads-aborted' }])
    expect(store.requests.filter(({ method }) => method === 'GET')).toHaveLength(2)
  })

  it('are a day old by the clock of the store, whatever that of this machine says', async () => {
    const hoursAgo = (hours: number): string =>
      new Date(systemClock.now() - hours * 3_600_000).toISOString()
    // This machine is two days ahead of the store.
    const date = new Date(hoursAgo(48)).toUTCString()
    const aborted: string[] = []
    store.fault = (request, response) => {
      const url = new URL(request.url ?? '', store.endpoint)
      if (request.method === 'DELETE') aborted.push(url.searchParams.get('uploadId') ?? '')
      const uploads = [
        upload(stale, hoursAgo(48 + 1), 'under-way'),
        upload(stale, hoursAgo(48 + 25), 'left-behind'),
      ]
      const page = `<ListMultipartUploadsResult>${uploads.join('')}</ListMultipartUploadsResult>`
      return answer(200, request.method === 'GET' ? page : '', { date })(request, response)
    }
    await sinkOf({}, systemClock).write(batch, forever)
    await waitFor('the end of it', () => logger.lines.length > 0)
    expect(aborted).toEqual(['left-behind'])
  })

  it('do not matter to a sink that may only write', async () => {
    store.fault = (request, response) =>
      request.method === 'GET' && s3Error(403, 'AccessDenied')(request, response)
    const sink = sinkOf()
    await sink.write(batch, forever)
    await waitFor('the end of it', () => logger.lines.length > 0)
    expect(logger.lines).toMatchObject([{ event: 'stale-uploads-unknown' }])
    expect(store.stored()).toEqual(batch.entries)
  })
})

it('closes twice, and without having written', async () => {
  const sink = sinkOf()
  await sink.close()
  await sink.close()
})
