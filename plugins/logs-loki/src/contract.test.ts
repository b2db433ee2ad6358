import type { LogSink, PluginLifecycle } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { logSinkContract, pluginContract } from '@p2p-playground/testkit/contracts'
import { describe } from 'vitest'
import plugin from './index.js'
import { readBackAll } from './read-back-all.test.support.js'
import { StrictLoki } from './strict-loki.test.support.js'

const NOW = 1_700_000_000_000
const URL = 'http://127.0.0.1:3100'

/** A Loki with what it answers out of turn. */
interface FarSide {
  readonly loki: StrictLoki
  status: number | undefined
}

describe.each<Readonly<Record<string, unknown>>>([
  { encoding: 'protobuf' },
  { encoding: 'json' },
  { encoding: 'protobuf', metadata: 'line' },
  { encoding: 'json', metadata: 'line' },
  { max_line_size: 64 * 1024, max_request_size: 64 * 1024 },
])('%o', (config) => {
  const farSides = new Map<LogSink, FarSide>()

  const farSideOf = (sink: LogSink): FarSide => {
    const farSide = farSides.get(sink)
    if (farSide === undefined) throw new Error('this sink was not made here')
    return farSide
  }

  const sinkTo = async (farSide: FarSide): Promise<LogSink & PluginLifecycle> => {
    const read = await plugin.config['~standard'].validate({ url: farSide.loki.url, ...config })
    if (read.issues !== undefined) throw new Error(read.issues[0]?.message)
    const sink = plugin.create({
      config: read.value,
      logger: new RecordingLogger(),
      clock: new FakeClock(NOW),
      dataDir: '/nonexistent',
    })
    farSides.set(sink, farSide)
    return sink
  }

  const during =
    (status: number) =>
    async (sink: LogSink, work: () => Promise<void>): Promise<void> => {
      farSideOf(sink).status = status
      await work()
      farSideOf(sink).status = undefined
    }

  logSinkContract('loki', {
    create: async () => {
      const farSide: FarSide = {
        loki: new StrictLoki({
          nowMs: () => NOW,
          maxLineBytes: config['max_line_size'] === undefined ? 256 * 1024 : 64 * 1024,
          fault: () => (farSide.status === undefined ? undefined : { status: farSide.status }),
        }),
        status: undefined,
      }
      await farSide.loki.start()
      return sinkTo(farSide)
    },
    stored: (sink) => readBackAll(farSideOf(sink).loki.query()),
    reopen: async (sink) => sinkTo(farSideOf(sink)),
    refuse: during(400),
    deny: during(401),
    down: during(503),
    teardown: async () => {
      for (const { loki } of farSides.values()) await loki.stop()
      farSides.clear()
    },
  })
})

pluginContract(plugin, {
  valid: [{ url: URL }, { url: URL, encoding: 'json', labels: { cluster: 'lab' } }],
  invalid: [{}, { url: 'loki' }, { url: URL, encoding: 'xml' }, { url: URL, label: {} }, null],
})
