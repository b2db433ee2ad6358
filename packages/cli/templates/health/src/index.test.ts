import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { HealthChecker, HealthTarget } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { healthCheckerContract } from '@p2p-playground/testkit/contracts'
import { expect, it } from 'vitest'
import plugin from './index.js'

const create = (): HealthChecker<unknown> =>
  plugin.create({
    config: { host: '127.0.0.1' },
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    dataDir: '/nonexistent',
  })

const spec = { send: 'ping', expect: 'pong' }

/** Runs `work` before an app that answers each line with `answer`; never, where there is none. */
async function withApp(
  answer: string | undefined,
  work: (target: HealthTarget<unknown>) => Promise<void>,
): Promise<void> {
  const server = createServer((socket) => {
    // A checker that has seen enough may hang up first.
    socket.on('error', () => undefined)
    socket.on('data', () => {
      if (answer !== undefined) socket.end(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await work({ spec, pid: process.pid, ports: { main: (server.address() as AddressInfo).port } })
  } finally {
    server.close()
  }
}

healthCheckerContract('plugin-name', {
  create,
  valid: [spec, { ...spec, port: 'main' }],
  invalid: [{}, { send: 'ping' }, { ...spec, expect: '' }, { ...spec, more: 1 }],
  healthy: async (work) => withApp('pong\n', work),
  unhealthy: async (work) => withApp('error\n', work),
  slow: async (work) => withApp(undefined, work),
})

it('refuses configuration that it does not know', async () => {
  const { issues } = await plugin.config['~standard'].validate({ hots: '127.0.0.1' })
  expect(issues).toHaveLength(1)
})

it('is unhealthy when nothing listens', async () => {
  const result = await create().check({ spec, pid: 1, ports: {} }, new AbortController().signal)
  expect(result.healthy).toBe(false)
})
