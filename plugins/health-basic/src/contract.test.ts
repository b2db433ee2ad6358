import type { HealthChecker } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { healthCheckerContract, pluginContract } from '@p2p-playground/testkit/contracts'
import plugins from './index.js'
import { closedPort, withFullServer, withServer } from './servers.test.support.js'

const context = {
  config: {},
  logger: new RecordingLogger(),
  clock: new FakeClock(),
  dataDir: '/nonexistent',
}

function checker(name: string): HealthChecker<unknown> {
  const plugin = plugins.find((one) => one.name === name)
  if (plugin === undefined) throw new Error(`no ${name}`)
  return plugin.create(context)
}

healthCheckerContract('process', {
  create: () => checker('process'),
  valid: [{}],
  invalid: [{ pid: 1 }],
  healthy: async (work) => work({ spec: {}, pid: process.pid, ports: {} }),
  unhealthy: async (work) => work({ spec: {}, pid: 2 ** 22 + 1, ports: {} }),
})

healthCheckerContract('tcp', {
  create: () => checker('tcp'),
  valid: [{}, { port: 'web' }, { address: '127.0.0.1:80' }],
  invalid: [{ adress: 'x' }, { port: 80 }, { port: 'web', address: '127.0.0.1:80' }],
  healthy: async (work) =>
    withServer(async (port) => work({ spec: {}, pid: 1, ports: { web: port } })),
  unhealthy: async (work) => work({ spec: {}, pid: 1, ports: { web: await closedPort() } }),
  slow: async (work) =>
    withFullServer(async (port) => work({ spec: {}, pid: 1, ports: { web: port } })),
})

for (const plugin of plugins) pluginContract(plugin, { valid: [{}], invalid: [{ port: 1 }, null] })
