import type { LogSink, PluginLifecycle } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { logSinkContract, pluginContract } from '@p2p-playground/testkit/contracts'
import { FakeStore, s3Error } from './fake-store.test.support.js'
import type { Fault } from './fake-store.test.support.js'
import plugin from './index.js'

const stores = new Map<LogSink, FakeStore>()

function storeOf(sink: LogSink): FakeStore {
  const store = stores.get(sink)
  if (store === undefined) throw new Error('this sink was not made here')
  return store
}

async function sinkTo(store: FakeStore): Promise<LogSink & PluginLifecycle> {
  const read = await plugin.config['~standard'].validate({
    bucket: 'bucket',
    endpoint: store.endpoint,
    credentials: { access_key_id: 'id', secret_access_key: 'secret' },
  })
  if (read.issues !== undefined) throw new Error(read.issues[0]?.message)
  const sink = plugin.create({
    config: read.value,
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    dataDir: '/nonexistent',
  })
  stores.set(sink, store)
  return sink
}

const during =
  (fault: Fault) =>
  async (sink: LogSink, work: () => Promise<void>): Promise<void> => {
    storeOf(sink).fault = fault
    await work()
    storeOf(sink).fault = () => false
  }

logSinkContract('s3', {
  create: async () => sinkTo(await FakeStore.start()),
  stored: (sink) => storeOf(sink).stored(),
  reopen: async (sink) => sinkTo(storeOf(sink)),
  refuse: during(s3Error(400, 'EntityTooLarge')),
  deny: during(s3Error(403, 'AccessDenied')),
  down: during(s3Error(503, 'SlowDown')),
  slow: during((request) => {
    request.resume()
    return true
  }),
  teardown: async () => {
    for (const store of new Set(stores.values())) await store.close()
    stores.clear()
  },
})

pluginContract(plugin, {
  valid: [{ bucket: 'logs' }, { bucket: 'logs', region: 'eu-west-1', prefix: 'team/logs' }],
  invalid: [
    {},
    { bucket: 3 },
    { bucket: 'logs', endpoint: 'nowhere' },
    { bucket: 'logs', pre: 1 },
    null,
  ],
})
