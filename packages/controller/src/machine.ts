import { once } from 'node:events'
import type { Clock } from '@p2p-playground/core'

/** A node that says nothing for so long keeps the others of its machine waiting no longer. */
const QUIET_MS = 10_000

/** A machine whose nodes are to have one package: they are sent it one after the other until one has it; the rest copy it there. */
export class Machine {
  /** Where the package lies on it; empty as long as it is to be sent. */
  path: string
  readonly #clock: Clock
  #last: Promise<unknown> | undefined

  constructor(clock: Clock, path = '') {
    this.#clock = clock
    this.path = path
  }

  /** Lines up one more of its nodes. */
  join(): Turn {
    const turn = new Turn(this, this.#last, this.#clock)
    this.#last = Promise.all([this.#last, turn.over])
    return turn
  }
}

/** The turn of one node to be sent the package, or to copy it. */
export class Turn {
  readonly #ended = new AbortController()
  /** Resolves when the next may go. */
  readonly over: Promise<unknown> = once(this.#ended.signal, 'abort')
  readonly #machine: Machine
  readonly #before: Promise<unknown> | undefined
  readonly #clock: Clock
  #heard = 0

  constructor(machine: Machine, before: Promise<unknown> | undefined, clock: Clock) {
    this.#machine = machine
    this.#before = before
    this.#clock = clock
  }

  get mustWait(): boolean {
    return this.#before !== undefined && this.#machine.path === ''
  }

  /** Resolves when the node can go on, with the path to copy from; empty: it is to be sent the package. */
  async begin(): Promise<string> {
    if (this.mustWait) await this.#before
    const { path } = this.#machine
    if (path === '') void this.#endWhenQuiet()
    else this.end()
    return path
  }

  /** The node said something, and where it keeps the package once it does. */
  heard(storedPath: string): void {
    this.#heard += 1
    if (storedPath === '') return
    this.#machine.path = storedPath
    this.end()
  }

  end(): void {
    this.#ended.abort()
  }

  async #endWhenQuiet(): Promise<void> {
    for (let seen = -1; seen !== this.#heard;) {
      seen = this.#heard
      try {
        await this.#clock.sleep(QUIET_MS, this.#ended.signal)
      } catch {
        // It ended before.
        return
      }
    }
    this.end()
  }
}
