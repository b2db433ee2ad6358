import type { LogBatch, LogSink } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { logSinkContract, pluginContract } from '@p2p-playground/testkit/contracts'
import { afterEach, expect, it } from 'vitest'
import { FarSide } from './far-side.test.support.js'
import type { Mood } from './far-side.test.support.js'
import plugin from './index.js'

const forever = new AbortController().signal
const farSides = new Map<LogSink, FarSide>()

async function closeAll(): Promise<void> {
  for (const farSide of new Set(farSides.values())) await farSide.close()
  farSides.clear()
}

function sinkTo(farSide: FarSide, token?: string): LogSink {
  const sink = plugin.create({
    config: { url: farSide.url, ...(token === undefined ? {} : { token }) },
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    dataDir: '/nonexistent',
  })
  farSides.set(sink, farSide)
  return sink
}

function farSideOf(sink: LogSink): FarSide {
  const farSide = farSides.get(sink)
  if (farSide === undefined) throw new Error('this sink was not made here')
  return farSide
}

const during =
  (mood: Mood) =>
  async (sink: LogSink, work: () => Promise<void>): Promise<void> => {
    farSideOf(sink).mood = mood
    await work()
    farSideOf(sink).mood = undefined
  }

pluginContract(plugin, {
  valid: [{ url: 'http://127.0.0.1:8080/logs' }, { url: 'https://logs.internal', token: 'secret' }],
  invalid: [{}, { url: 'logs.internal' }, { url: 'ftp://logs.internal' }, { url: 5 }, null],
})

logSinkContract('http', {
  create: async () => sinkTo(await new FarSide().open()),
  stored: (sink) => farSideOf(sink).entries,
  reopen: (sink) => sinkTo(farSideOf(sink)),
  refuse: during({ status: 400 }),
  deny: during({ status: 403 }),
  down: during({ status: 503 }),
  slow: during('silence'),
  teardown: closeAll,
})

afterEach(closeAll)

const batch: LogBatch = {
  id: 'batch-1',
  entries: [
    {
      ...{ kind: 'app', timeMs: 0, node: 'n1', app: 'app', version: '1.0.0', instance: 'i1' },
      ...{ stream: 'stdout', seq: 1, line: 'hello' },
    },
  ],
}

it('says when to come again, where the far side does', async () => {
  const farSide = await new FarSide().open()
  farSide.mood = { status: 429, headers: { 'retry-after': '7' } }
  await expect(sinkTo(farSide).write(batch, forever)).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: 'the far side answered 429: because',
    details: { retryAfterMs: 7000 },
  })
})

it('does not follow a redirect, and does not send its token there', async () => {
  const [farSide, elsewhere] = [await new FarSide().open(), await new FarSide().open()]
  farSide.mood = { status: 307, headers: { location: elsewhere.url } }
  const sink = sinkTo(farSide, 'secret')
  sinkTo(elsewhere)
  await expect(sink.write(batch, forever)).rejects.toMatchObject({ code: 'SINK_DENIED' })
  expect([farSide.tokens, elsewhere.tokens]).toEqual([['Bearer secret'], []])
})

it('throws when nobody listens', async () => {
  const farSide = await new FarSide().open()
  const sink = sinkTo(farSide)
  farSides.clear()
  await farSide.close()
  await expect(sink.write(batch, forever)).rejects.toThrow()
})
