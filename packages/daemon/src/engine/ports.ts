import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { PlaygroundError, formatInstance, systemCode } from '@p2p-playground/core'
import type { InstanceKey, InstanceRecord } from '@p2p-playground/core'

/** Binds a number for a moment, 0 for any; gives the number, or undefined when it is taken. */
type Listen = (port: number) => Promise<number | undefined>

/** The port numbers that the instances of this node have. */
export class PortBook {
  readonly #instances: () => readonly InstanceRecord[]
  /** Chosen, but not in a record yet. */
  readonly #reserved = new Map<string, Set<number>>()

  readonly #listen: Listen

  constructor(instances: () => readonly InstanceRecord[], listen: Listen = listenOnce) {
    this.#instances = instances
    this.#listen = listen
  }

  /**
   * Gives each named port a number: the one asked for, or for 0 a free one. A number that the instance had before is kept
   * while it is free, so that a restart does not move it. `done` is called once the numbers are in its record.
   * @throws APP_PORT when another instance that runs has the number that is asked for; what the system says when no socket
   * can be opened
   */
  async choose(
    record: InstanceRecord,
    wanted: Readonly<Record<string, number>>,
    signal: AbortSignal,
  ): Promise<{ readonly ports: Record<string, number>; done(): void }> {
    const name = formatInstance(record)
    const own = new Set<number>()
    this.#reserved.set(name, own)
    const done = (): void => {
      this.#reserved.delete(name)
    }
    const ports: Record<string, number> = {}
    try {
      for (const [port, number] of Object.entries(wanted)) {
        ports[port] =
          number === 0
            ? await this.#free(record, record.ports[port], signal)
            : this.#fixed(record, port, number)
        own.add(ports[port])
      }
      return { ports, done }
    } catch (error) {
      done()
      throw error
    }
  }

  #fixed(key: InstanceKey, port: string, number: number): number {
    const holder = this.#others(key).find(
      (other) => other.handle !== null && Object.values(other.ports).includes(number),
    )
    if (holder === undefined) return number
    throw new PlaygroundError(
      'APP_PORT',
      `port ${String(number)} ("${port}") of ${formatInstance(key)} is used by ${formatInstance(holder)}`,
      { hint: 'Stop that one, or ask for a free port with 0 in "ports" of manifest.yaml.' },
    )
  }

  async #free(key: InstanceKey, before: number | undefined, signal: AbortSignal): Promise<number> {
    if (before !== undefined && !this.#isTaken(key, before)) {
      if ((await this.#listen(before)) !== undefined) return before
    }
    for (;;) {
      signal.throwIfAborted()
      const port = await this.#listen(0)
      // No await between the look and the reservation by the caller.
      if (port !== undefined && !this.#isTaken(key, port)) return port
    }
  }

  #isTaken(key: InstanceKey, port: number): boolean {
    return (
      [...this.#reserved.values()].some((ports) => ports.has(port)) ||
      this.#others(key).some((other) => Object.values(other.ports).includes(port))
    )
  }

  #others(key: InstanceKey): InstanceRecord[] {
    const name = formatInstance(key)
    return this.#instances().filter((other) => formatInstance(other) !== name)
  }
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

/** True for a want of sockets on this machine: no fault of who asked for one, and another try may get it. */
export function isSocketShortage(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOBUFS' || code === 'ENOMEM'
}

/** On all interfaces. @throws what the system says when that is not for the number */
async function listenOnce(port: number): Promise<number | undefined> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  server.once('error', (error) => {
    const code = systemCode(error)
    const isOfNumber = port !== 0 && (code === 'EADDRINUSE' || code === 'EACCES')
    if (isOfNumber) resolve(undefined)
    else reject(error)
  })
  server.listen({ port, exclusive: true }, () => {
    const address = server.address() as AddressInfo
    server.close(() => {
      resolve(address.port)
    })
  })
  return promise
}
