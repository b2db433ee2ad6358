import { definePlugin } from '@p2p-playground/core'
import { lokiConfig } from './config.js'
import { LokiSink } from './loki-sink.js'

export default definePlugin({
  kind: 'log-sink',
  name: 'loki',
  api: '1.0',
  config: lokiConfig,
  create: ({ config, clock }) => new LokiSink(config, clock),
})
