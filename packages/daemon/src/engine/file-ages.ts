import type { Clock } from '@p2p-playground/core'

interface Known {
  readonly mtimeMs: number
  /** Unchanged since then, by the monotonic clock. */
  readonly sinceMs: number
}

/**
 * How long files have been unchanged. What happened before the first look, only the wall clock can tell; from then on somebody
 * may set it, and no file is taken for older than it can be.
 */
export class FileAges {
  #known: ReadonlyMap<string, Known> = new Map()
  #lastLookMs = -Infinity

  /** Their ages in milliseconds, by what they are called; forgets those that are not among them. */
  look(clock: Clock, mtimesMs: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const nowMs = clock.monotonic()
    const known = new Map<string, Known>()
    for (const [name, mtimeMs] of mtimesMs) {
      const before = this.#known.get(name)
      const tellsMs = nowMs - Math.max(clock.now() - mtimeMs, 0)
      // It was not like this at the last look.
      const changed = { mtimeMs, sinceMs: Math.max(tellsMs, this.#lastLookMs) }
      known.set(name, before?.mtimeMs === mtimeMs ? before : changed)
    }
    this.#known = known
    this.#lastLookMs = nowMs
    return new Map([...known].map(([name, { sinceMs }]) => [name, nowMs - sinceMs]))
  }
}
