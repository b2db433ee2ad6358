import { definePlugin } from '@p2p-playground/core'
import * as v from 'valibot'
import { CgroupsRuntime } from './cgroups-runtime.js'

const config = v.strictObject({
  root: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\/(?!.*\.\.)/, 'must be a cgroup such as "/p2p-playground"'),
      v.description('Cgroup below which apps are put; default: one that the daemon may write.'),
    ),
  ),
})

export default definePlugin({
  kind: 'runtime',
  name: 'cgroups',
  api: '1.0',
  config,
  create: ({ config: { root }, dataDir, clock, logger }) =>
    new CgroupsRuntime({ root, dataDir, clock, logger }),
})
