import { definePlugin } from '@p2p-playground/core'
import * as v from 'valibot'
import { DirectorySink } from './directory-sink.js'

/** What daemon.yaml may say under `config`. An unknown key is an error that names its line. */
const config = v.strictObject({
  dir: v.optional(
    v.pipe(v.string(), v.minLength(1), v.description('Directory for the files; default its own.')),
  ),
})

export default definePlugin({
  kind: 'log-sink',
  name: 'plugin-name',
  api: '1.0',
  config,
  create: (context) => new DirectorySink(context.config.dir ?? context.dataDir),
})
