import type { LogEntry } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import {
  HOUR_MS,
  NOW,
  app,
  batchOf,
  forever,
  lokiWith,
  silentServer,
  sinkTo,
} from './loki-fixture.test.support.js'
import { readBack } from './read-back.test.support.js'
import type { Fault, StrictLokiOptions } from './strict-loki.test.support.js'

describe('LokiSink', () => {
  it('keeps few labels, and puts the rest into structured metadata', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki, { labels: { cluster: 'lab "1"' } })
    const about = { timeMs: NOW, node: 'n1', app: 'hello', version: '1.0.0', seq: 7 }
    await sink.write(batchOf(app({ seq: 7, cut: true })), forever)
    await sink.write(
      batchOf({
        ...about,
        kind: 'daemon',
        level: 'warn',
        event: 'app-failed',
        fields: { 'exit-code': 1, why: null },
        line: 'app failed',
      }),
      forever,
    )
    await sink.write(
      batchOf({
        ...about,
        kind: 'event',
        app: null,
        version: null,
        type: 'refused',
        code: 'AUTH_ROLE',
        by: 'lead',
        line: 'refused',
      }),
      forever,
    )
    expect(loki.query().map(({ labels, metadata }) => [labels, metadata])).toEqual([
      [
        {
          node: 'n1',
          kind: 'app',
          app: 'hello',
          instance: 'i1',
          stream: 'stdout',
          cluster: 'lab "1"',
        },
        { seq: '7', version: '1.0.0', cut: 'true' },
      ],
      [
        { node: 'n1', kind: 'daemon', app: 'hello', level: 'warn', cluster: 'lab "1"' },
        {
          seq: '7',
          version: '1.0.0',
          event: 'app-failed',
          field_exit_code: '1',
          field_why: 'null',
        },
      ],
      [
        { node: 'n1', kind: 'event', cluster: 'lab "1"' },
        { seq: '7', type: 'refused', code: 'AUTH_ROLE', by: 'lead' },
      ],
    ])
  })

  it('sends no metadata where it is told to', async () => {
    const loki = await lokiWith({ allowStructuredMetadata: false })
    const sink = await sinkTo(loki, { metadata: 'none' })
    await sink.write(batchOf(app({ line: 'y'.repeat(300_000) })), forever)
    expect(loki.query().map(({ metadata }) => metadata)).toEqual([{}, {}])
  })

  it('keeps equal lines of one millisecond apart, and in their order', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki)
    const entries = Array.from({ length: 2000 }, (_, index) => app({ seq: 999_000 + index }))
    await sink.write(batchOf(...entries.slice(0, 1200)), forever)
    await sink.write(batchOf(...entries.slice(1200)), forever)
    expect(loki.query().map(({ metadata }) => Number(metadata['seq']))).toEqual(
      entries.map(({ seq }) => seq),
    )
  })

  it('splits a line between code points, and marks its parts, equal ones too', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki)
    const line = '🙂'.repeat(3 * 64 * 1024)
    await sink.write(batchOf(app({ line })), forever)
    const stored = loki.query()
    expect(stored.map(({ metadata }) => metadata['part'])).toEqual(['1/3', '2/3', '3/3'])
    expect(stored.map((part) => part.line).join('')).toBe(line)
  })

  it('replaces half a surrogate pair, which is no text', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki)
    await sink.write(batchOf(app({ line: 'a\ud83d' })), forever)
    expect(loki.query()[0]?.line).toBe('a\ufffd')
  })

  it('refuses a line of too many parts before it sends any', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki)
    const line = 'x'.repeat(8 * 256 * 1024 + 1)
    await expect(sink.write(batchOf(app(), app({ seq: 2, line })), forever)).rejects.toMatchObject({
      code: 'SINK_REFUSED',
    })
    expect(loki.requests).toBe(0)
  })

  it.each(['protobuf', 'json'])('splits a batch into requests in %s', async (encoding) => {
    const loki = await lokiWith({ maxBodyBytes: 100_000 })
    const sink = await sinkTo(loki, { encoding, max_request_size: 64 * 1024 })
    const entries = Array.from({ length: 1000 }, (_, index) =>
      app({ seq: index + 1, line: `${String(index)} `.repeat(50) }),
    )
    await sink.write(batchOf(...entries), forever)
    expect(loki.requests).toBeGreaterThan(2)
    expect(readBack(loki.query())).toEqual(entries)
  })

  it('stores the lines of a clock that was set back under a label of their hour', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki)
    const before = [app({ seq: 1 }), app({ seq: 2, timeMs: NOW + 1 })]
    const after = [2 * HOUR_MS, 2 * HOUR_MS - 1, 1.5 * HOUR_MS, HOUR_MS / 2].map((back, index) =>
      app({ seq: 3 + index, timeMs: NOW - back }),
    )
    await sink.write(batchOf(...before), forever)
    for (const entry of after) {
      await sink.write(batchOf(entry), forever)
      await sink.write(batchOf(entry), forever)
    }
    expect(readBack(loki.query())).toEqual([...before, ...after])
    expect(loki.query().map(({ labels }) => labels['late'])).toEqual([
      '2023-11-14T20',
      '2023-11-14T20',
      '2023-11-14T20',
      undefined,
      undefined,
      undefined,
    ])
  })

  it('stores what an older life of an app has left to ship after the newer one', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki)
    const old = app({ instance: 'i0', version: '0.9.0', timeMs: NOW - 3 * HOUR_MS })
    await sink.write(batchOf(app()), forever)
    await sink.write(batchOf(old), forever)
    expect(readBack(loki.query())).toEqual([old, app()])
    expect(loki.answers).toEqual(new Map([[204, 2]]))
  })

  it.each<[string, Partial<LogEntry>]>([
    ['too old', { timeMs: NOW - 169 * HOUR_MS }],
    ['too new', { timeMs: NOW + HOUR_MS }],
    ['with a label that is too long', { node: 'n'.repeat(2049) }],
  ])('says that a line is refused: one %s', async (_name, patch) => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki)
    await expect(sink.write(batchOf(app(patch)), forever)).rejects.toMatchObject({
      code: 'SINK_REFUSED',
    })
  })

  it('loses no line beside one that is refused, and doubles none when the batch is halved', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki)
    const entries = Array.from({ length: 9 }, (_, index) => app({ seq: index + 1 }))
    const bad = app({ seq: 5, timeMs: NOW + HOUR_MS })
    entries[4] = bad
    const refused: LogEntry[] = []
    const ship = async (batch: readonly LogEntry[]): Promise<void> => {
      try {
        await sink.write(batchOf(...batch), forever)
      } catch (error) {
        expect(error).toMatchObject({ code: 'SINK_REFUSED' })
        if (batch.length === 1) refused.push(...batch)
        else {
          const middle = Math.ceil(batch.length / 2)
          await ship(batch.slice(0, middle))
          await ship(batch.slice(middle))
        }
      }
    }
    await ship(entries)
    expect(refused).toEqual([bad])
    expect(loki.query().length).toBe(8)
    expect(loki.repeated).toBeGreaterThan(0)
  })

  it.each<[string, Fault | StrictLokiOptions, object]>([
    ['429', { status: 429, headers: { 'retry-after': '7' } }, { details: { retryAfterMs: 7000 } }],
    ['429 without Retry-After', { status: 429 }, { code: 'SINK_UNAVAILABLE', details: {} }],
    ['500', { status: 500 }, { code: 'SINK_UNAVAILABLE' }],
    ['503 after it has stored all', { status: 503, keeps: 'all' }, { code: 'SINK_UNAVAILABLE' }],
    ['a cut connection', { status: 0, cut: true }, { code: 'SINK_UNAVAILABLE' }],
    ['401', { status: 401 }, { code: 'SINK_DENIED' }],
    ['260: blocked', { status: 260 }, { code: 'SINK_DENIED' }],
    ['a redirect', { status: 302, headers: { location: '/' } }, { code: 'SINK_DENIED' }],
    ['413', { maxBodyBytes: 10 }, { code: 'SINK_REFUSED' }],
    [
      'that it takes no structured metadata',
      { allowStructuredMetadata: false },
      { code: 'SINK_DENIED', hint: expect.stringMatching(/metadata: line/) as string },
    ],
  ])('makes one error of %s, and stores the batch on the next try', async (_name, how, error) => {
    const fault = 'status' in how ? how : undefined
    const options = fault === undefined ? (how as StrictLokiOptions) : {}
    const loki = await lokiWith({
      ...options,
      fault: (request) => (request === 1 ? fault : undefined),
    })
    const sink = await sinkTo(loki)
    const batch = batchOf(app(), app({ seq: 2 }))
    await expect(sink.write(batch, forever)).rejects.toMatchObject(error)
    if (fault === undefined) return
    await sink.write(batch, forever)
    expect(readBack(loki.query())).toEqual(batch.entries)
  })

  it('is stopped by its signal while the server is silent', async () => {
    const loki = await lokiWith()
    const sink = await sinkTo(loki, { url: await silentServer() })
    const stop = new AbortController()
    const writing = sink.write(batchOf(app()), stop.signal)
    stop.abort(new Error('enough'))
    await expect(writing).rejects.toThrow('enough')
  })
})
