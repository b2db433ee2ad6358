import type { LogSink } from '@p2p-playground/core'
import type { GuardedPlugin } from './guarded-call.js'
import { runAs } from './plugin-scope.js'

/** A sink that runs as the plugin. Retry, time-outs and names of sinks are the shipper's. */
export function guardLogSink(sink: LogSink, plugin: GuardedPlugin): LogSink {
  const { lingerMs } = sink
  return {
    ...(lingerMs === undefined ? {} : { lingerMs }),
    write: async (batch, signal) => runAs(plugin.identity, () => sink.write(batch, signal)),
  }
}
