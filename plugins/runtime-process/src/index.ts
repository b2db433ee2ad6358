import { definePlugin } from '@p2p-playground/core'
import * as v from 'valibot'
import { ProcessRuntime } from './process-runtime.js'

export default definePlugin({
  kind: 'runtime',
  name: 'process',
  api: '1.0',
  config: v.strictObject({}),
  create: () => new ProcessRuntime(),
})
