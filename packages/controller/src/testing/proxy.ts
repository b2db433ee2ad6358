import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A way to a port that can be cut, or made to swallow everything. */
export interface Proxy {
  readonly port: number
  /** Breaks all connections; new ones are let in. */
  cut(): void
  /** Nothing goes through any more, and nobody is told, like a machine without power. */
  freeze(): void
  close(): Promise<void>
}

/** Opens a proxy on loopback. */
export async function openProxy(targetPort: number): Promise<Proxy> {
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
    near.pipe(far)
    far.pipe(near)
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
