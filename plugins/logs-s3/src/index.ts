import { definePlugin } from '@p2p-playground/core'
import { s3Config } from './config.js'
import { S3LogSink } from './s3-log-sink.js'

export default definePlugin({
  kind: 'log-sink',
  name: 's3',
  api: '1.0',
  config: s3Config,
  create: (context) => new S3LogSink(context),
})
