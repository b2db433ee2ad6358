import type { Connection } from '@libp2p/interface'

export interface StrangerNumbers {
  /** With nothing under way. */
  readonly idle: number
  /** Those under way and in the handshake too. */
  readonly all: number
}

/**
 * A fleet of 1,000 may come at once and ask for pieces, and one that asks for nothing needs no connection. What is left of the
 * connections that libp2p takes is for peers with a role.
 */
export const STRANGERS: StrangerNumbers = { idle: 256, all: 1000 }

/**
 * Connections that others opened and that have proved no role, or nothing yet. When there are too many, older ones are given up
 * and none is refused: whoever holds many keeps out nobody, and who was idle dials again when it wants something.
 */
export class StrangerConnections {
  readonly #numbers: StrangerNumbers
  /** Whether each has passed the handshake; the oldest first. */
  readonly #held = new Map<Connection, boolean>()

  constructor(numbers: StrangerNumbers) {
    this.#numbers = numbers
  }

  add(connection: Connection): void {
    this.#held.set(connection, false)
  }

  /** The handshake is over and showed no role. */
  passed(connection: Connection): void {
    if (this.#held.has(connection)) this.#held.set(connection, true)
  }

  /** It is closed, or has proved a role. */
  remove(connection: Connection): void {
    this.#held.delete(connection)
  }

  /** The one to give up, when there are too many. */
  surplus(): Connection | undefined {
    if (this.#held.size <= this.#numbers.idle) return undefined
    const all = [...this.#held]
    const idle = all.filter(([{ streams }, hasPassed]) => hasPassed && streams.length === 0)
    if (idle.length > this.#numbers.idle) return idle[0]?.[0]
    return all.length > this.#numbers.all ? all[0]?.[0] : undefined
  }
}
