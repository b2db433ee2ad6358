import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'

export async function withServer(work: (port: number) => Promise<void>): Promise<void> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await work((server.address() as AddressInfo).port)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

/** A server that listens in a thread and accepts nothing; what connects once its queue is full waits. */
export async function withFullServer(work: (port: number) => Promise<void>): Promise<void> {
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

export async function closedPort(): Promise<number> {
  let closed = 0
  await withServer(async (port) => {
    closed = port
    return Promise.resolve()
  })
  return closed
}
