import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { Transform } from 'node:stream'

/** A way to a port that can be cut, or made to swallow everything. */
export interface Proxy {
  readonly port: number
  /** Breaks all connections; new ones are let in. */
  cut(): void
  /** Nothing goes through any more, and nobody is told, like a machine without power. */
  freeze(): void
  close(): Promise<void>
}

/** Opens a proxy on loopback; what goes through takes `delayMs` in each direction. */
export async function openProxy(targetPort: number, delayMs = 0): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let frozen = false
  const server: Server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => {
        near.destroy()
        far.destroy()
      })
    }
    if (frozen) return
    near.pipe(delay(delayMs)).pipe(far)
    far.pipe(delay(delayMs)).pipe(near)
  })
  const { promise, resolve } = Promise.withResolvers<undefined>()
  server.listen(0, '127.0.0.1', () => {
    resolve(undefined)
  })
  await promise
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    freeze: () => {
      frozen = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    close: async () => {
      cut()
      const closed = Promise.withResolvers<undefined>()
      server.close(() => {
        closed.resolve(undefined)
      })
      await closed.promise
    },
  }
}

/** Passes on what comes in, but later: any number of chunks is under way at once. */
function delay(ms: number): Transform {
  let lastMs = performance.now()
  return new Transform({
    highWaterMark: 16 * 1024 * 1024,
    transform(chunk: Buffer, _encoding, taken) {
      const dueMs = performance.now() + ms
      lastMs = Math.max(lastMs, dueMs)
      setTimeout(() => this.push(chunk), lastMs - performance.now())
      taken()
    },
    flush(ended) {
      setTimeout(ended, Math.max(lastMs - performance.now(), 0) + 1)
    },
  })
}
