import { definePlugin } from '@p2p-playground/core'
import { ProcessRuntime, Unconfined } from '@p2p-playground/process-runtime'
import * as v from 'valibot'

export default definePlugin({
  kind: 'runtime',
  name: 'process',
  api: '1.0',
  config: v.strictObject({}),
  create: ({ clock, logger }) =>
    new ProcessRuntime({
      name: 'process',
      confinement: new Unconfined('the runtime "process" sets no limits', clock),
      logger,
    }),
})
