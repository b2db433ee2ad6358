import { definePlugin } from '@p2p-playground/core'
import * as v from 'valibot'
import { NiceRuntime } from './nice-runtime.js'

/** What daemon.yaml may say under `config`. An unknown key is an error that names its line. */
const config = v.strictObject({
  niceness: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(19),
      v.description('0 as everybody, 19 last.'),
    ),
    10,
  ),
})

export default definePlugin({
  kind: 'runtime',
  name: 'plugin-name',
  api: '1.0',
  config,
  create: (context) => new NiceRuntime('plugin-name', context.config.niceness),
})
