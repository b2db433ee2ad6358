import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import type { HealthTarget } from '@p2p-playground/core'
import { healthCheckerContract, pluginContract } from '@p2p-playground/testkit/contracts'
import plugin from './index.js'
import { withServer } from './server.test.support.js'

const context = {
  config: {},
  logger: new RecordingLogger(),
  clock: new FakeClock(),
  dataDir: '/nonexistent',
}
const checker = plugin.create(context)
const checked = await checker.spec['~standard'].validate({ endpoint: '/health' })
if (checked.issues !== undefined) throw new Error('the spec is a good one')
const spec = checked.value

const at = (port: number): HealthTarget<unknown> => ({ spec, pid: 1, ports: { web: port } })

healthCheckerContract('http', {
  create: () => plugin.create(context),
  valid: [{ endpoint: '/health' }, { endpoint: 'http://127.0.0.1:80/x', status: [200, '300-302'] }],
  invalid: [
    {},
    { endpoint: 'health' },
    { endpoint: 'https://x' },
    { endpoint: '/', status: ['abc'] },
    { endpoint: '/', expected: 1 },
  ],
  healthy: async (work) =>
    withServer(
      (_request, response) => response.end('ok'),
      async (port) => work(at(port)),
    ),
  unhealthy: async (work) =>
    withServer(
      (_request, response) => response.writeHead(500).end(),
      async (port) => work(at(port)),
    ),
  slow: async (work) =>
    withServer(
      () => undefined,
      async (port) => work(at(port)),
    ),
})

pluginContract(plugin, { valid: [{}], invalid: [{ timeout: 5 }, null] })
