import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/**
 * Gives each named port a number: the one asked for, or for 0 a free one. A number that the instance had before is
 * kept while it is free, so that a restart does not move it.
 */
export async function choosePorts(
  wanted: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Promise<Record<string, number>> {
  const chosen: Record<string, number> = {}
  for (const [name, port] of Object.entries(wanted)) {
    if (port !== 0) {
      chosen[name] = port
      continue
    }
    const taken = new Set(Object.values(chosen))
    const previous = before[name]
    const keep = previous !== undefined && !taken.has(previous) && (await isFree(previous))
    chosen[name] = keep ? previous : await freePort(taken)
  }
  return chosen
}

/** `PORT_NAME` for each, and `PORT` when there is only one. */
export function portVariables(ports: Readonly<Record<string, number>>): Record<string, string> {
  const entries = Object.entries(ports)
  const variables = Object.fromEntries(
    entries.map(([name, port]) => [
      `PORT_${name.toUpperCase().replaceAll('-', '_')}`,
      String(port),
    ]),
  )
  const only = entries.length === 1 ? entries[0] : undefined
  return only === undefined ? variables : { ...variables, PORT: String(only[1]) }
}

async function freePort(taken: ReadonlySet<number>): Promise<number> {
  for (;;) {
    const port = await listenOnce(0)
    if (port !== undefined && !taken.has(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined
}

/** Binds for a moment on all interfaces; undefined when the port is taken. */
async function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  server.once('error', () => {
    resolve(undefined)
  })
  server.listen({ port, exclusive: true }, () => {
    const address = server.address() as AddressInfo
    server.close(() => {
      resolve(address.port)
    })
  })
  return promise
}
