import { definePlugin } from '@p2p-playground/core'
import type { HealthChecker } from '@p2p-playground/core'
import * as v from 'valibot'
import { checkHttp, httpSpec } from './check-http.js'
import type { HttpSpec } from './check-http.js'

const checker: HealthChecker<HttpSpec> = {
  spec: httpSpec,
  check: async (target, signal) => checkHttp(target, signal),
}

export default definePlugin({
  kind: 'health-checker',
  name: 'http',
  api: '1.0',
  config: v.strictObject({}),
  create: () => checker as HealthChecker<unknown>,
})
