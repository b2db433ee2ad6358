import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { HealthChecker, HealthTarget, PluginContext } from '@p2p-playground/core'
import { RecordingLogger, FakeClock } from '@p2p-playground/testkit'
import { healthCheckerContract, pluginContract } from '@p2p-playground/testkit/contracts'
import { describe, expect, it } from 'vitest'
import plugins from './index.js'

const context: PluginContext<never> = {
  config: {} as never,
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

async function withServer(work: (port: number) => Promise<void>): Promise<void> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await work((server.address() as AddressInfo).port)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

/** A server that listens in a thread and accepts nothing; what connects once its queue is full waits. */
async function withFullServer(work: (port: number) => Promise<void>): Promise<void> {
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const server = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
    const server = require('node:net').createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      setImmediate(() => Atomics.wait(workerData, 0, 0))
    })`,
    { eval: true, workerData: gate },
  )
  const [port] = (await once(server, 'message')) as [number]
  const sockets = Array.from({ length: 8 }, () => connect(port, '127.0.0.1'))
  try {
    await Promise.race(sockets.map(async (socket) => once(socket, 'connect')))
    await work(port)
  } finally {
    for (const socket of sockets) socket.destroy()
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
    await server.terminate()
  }
}

async function closedPort(): Promise<number> {
  let closed = 0
  await withServer(async (port) => {
    closed = port
    return Promise.resolve()
  })
  return closed
}

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

describe('tcp', () => {
  const forever = new AbortController().signal
  it.each<[string, HealthTarget<unknown>, RegExp]>([
    ['no port at all', { spec: {}, pid: 1, ports: {} }, /not exactly one port/],
    ['two ports and no name', { spec: {}, pid: 1, ports: { a: 1, b: 2 } }, /not exactly one port/],
    ['a port that is not there', { spec: { port: 'c' }, pid: 1, ports: { a: 1 } }, /no port "c"/],
    ['an address that is none', { spec: { address: 'web' }, pid: 1, ports: {} }, /not host:port/],
    [
      'another machine',
      { spec: { address: '192.0.2.1:80' }, pid: 1, ports: {} },
      /not this machine/,
    ],
  ])('is unhealthy with %s', async (_name, target, detail) => {
    expect(await checker('tcp').check(target, forever)).toMatchObject({
      healthy: false,
      detail: expect.stringMatching(detail) as string,
    })
  })

  it('connects to an address', async () => {
    await withServer(async (port) => {
      const target = { spec: { address: `127.0.0.1:${String(port)}` }, pid: 1, ports: {} }
      expect(await checker('tcp').check(target, forever)).toMatchObject({ healthy: true })
    })
  })
})
