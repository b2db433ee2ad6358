import type { Clock } from '@p2p-playground/core'

/** Told at once, then at most that often. */
const EVERY_MS = 60_000

/** Counts what happens often, and tells of it seldom: a line for each would bury the rest. */
export class Tally<About> {
  readonly #clock: Clock
  readonly #tell: (lines: number, about: About) => void
  #waiting = 0
  #toldMs = -Infinity
  #about: About | undefined

  constructor(options: {
    readonly clock: Clock
    /** Gets how many there were since the last time, and what the newest was about. */
    readonly tell: (lines: number, about: About) => void
  }) {
    this.#clock = options.clock
    this.#tell = options.tell
  }

  add(lines: number, about: About): void {
    this.#waiting += lines
    this.#about = about
    this.tick()
  }

  /** Tells of what waits if it is time; `isLast`: at any rate. */
  tick(isLast = false): void {
    const nowMs = this.#clock.monotonic()
    const about = this.#about
    if (about === undefined || (!isLast && nowMs - this.#toldMs < EVERY_MS)) return
    this.#toldMs = nowMs
    this.#tell(this.#waiting, about)
    this.#waiting = 0
    this.#about = undefined
  }
}
