import { definePlugin } from '@p2p-playground/core'
import type { HealthChecker } from '@p2p-playground/core'
import * as v from 'valibot'
import { ping } from './ping.js'
import { targetOf } from './target.js'

/** What daemon.yaml may say under `config`. Passwords belong here, as `${REDIS_PASSWORD}`, not into a manifest. */
const config = v.strictObject({
  username: v.optional(
    v.pipe(v.string(), v.minLength(1), v.description('ACL user; none: default.')),
  ),
  password: v.optional(v.pipe(v.string(), v.minLength(1), v.description('Sent with AUTH.'))),
  allow_hosts: v.optional(
    v.pipe(v.array(v.string()), v.description('Hosts that may be asked, beside this machine.')),
    [],
  ),
})

/** What a manifest may say under `health_check`, beside `type`, `interval` and the like. */
const spec = v.pipe(
  v.strictObject({
    port: v.optional(
      v.pipe(v.string(), v.description('Name of a port of the app, when it has several.')),
    ),
    address: v.optional(v.pipe(v.string(), v.description('host:port, instead of a port.'))),
  }),
  v.forward(
    v.check(
      ({ address, port }) => address === undefined || port === undefined,
      'give "address" or "port", not both',
    ),
    ['address'],
  ),
)

export default definePlugin({
  kind: 'health-checker',
  name: 'redis',
  api: '1.0',
  config,
  create: ({ config: { username, password, allow_hosts: hosts } }): HealthChecker<unknown> => {
    const auth = password === undefined ? undefined : { username, password }
    const checker: HealthChecker<v.InferOutput<typeof spec>> = {
      spec,
      check: async (target, signal) => {
        const found = targetOf(target.spec, target.ports, hosts)
        if (typeof found === 'string') return { healthy: false, detail: found }
        return ping({ ...found, auth }, signal)
      },
    }
    return checker
  },
})
