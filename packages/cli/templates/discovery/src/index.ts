import { definePlugin } from '@p2p-playground/core'
import * as v from 'valibot'
import { FileDiscovery } from './file-discovery.js'

/** What daemon.yaml may say under `config`. An unknown key is an error that names its line. */
const config = v.strictObject({
  file: v.pipe(v.string(), v.minLength(1), v.description('JSON file with the peers.')),
  interval_seconds: v.optional(
    v.pipe(v.number(), v.minValue(1), v.description('How often the file is read.')),
    10,
  ),
})

export default definePlugin({
  kind: 'discovery',
  name: 'plugin-name',
  api: '1.0',
  config,
  create: ({ config: { file, interval_seconds: seconds }, clock, logger }) =>
    new FileDiscovery({ name: 'plugin-name', file, intervalMs: seconds * 1000, clock, logger }),
})
