import { definePlugin } from '@p2p-playground/core'
import type { HealthChecker } from '@p2p-playground/core'
import * as v from 'valibot'
import { ask } from './ask.js'

/** What daemon.yaml may say under `config`. An unknown key is an error that names its line. */
const config = v.strictObject({
  host: v.optional(v.pipe(v.string(), v.description('Where the ports of apps are.')), '127.0.0.1'),
})

/** What a manifest may say under `health_check`, beside `type`, `interval` and the like. */
const spec = v.strictObject({
  send: v.pipe(v.string(), v.minLength(1), v.description('The line that is sent.')),
  expect: v.pipe(v.string(), v.minLength(1), v.description('What the answer begins with.')),
  port: v.optional(v.pipe(v.string(), v.description('Name of the port; default: the first.'))),
})

export default definePlugin({
  kind: 'health-checker',
  name: 'plugin-name',
  api: '1.0',
  config,
  create: (context): HealthChecker<unknown> => {
    const checker: HealthChecker<v.InferOutput<typeof spec>> = {
      spec,
      check: async (target, signal) => {
        const { send, expect, port: name } = target.spec
        const port = name === undefined ? Object.values(target.ports)[0] : target.ports[name]
        if (port === undefined) return { healthy: false, detail: 'the app has no such port' }
        return ask({ host: context.config.host, port, send, expect }, signal)
      },
    }
    return checker
  },
})
