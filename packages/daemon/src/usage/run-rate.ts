import type { RunHandle } from '@p2p-playground/core'

interface Seen {
  readonly run: string
  /** NaN when the run was there, but could not be asked. */
  readonly count: number
  readonly atMs: number
}

/** Turns what one instance has used so far of something into a rate, over restarts of it and of the daemon. */
export class RunRate {
  #last: Seen | undefined

  /**
   * Per second since the look before; null when that cannot be told. A run that was not there at `previousMs`, when all
   * instances were last looked at, has begun since: all it used counts. Undefined `previousMs`: nobody has looked yet.
   * A sum that shrinks, because a process of the group has ended, counts as nothing.
   */
  look(
    handle: RunHandle,
    now: { readonly count: number; readonly atMs: number; readonly previousMs: number | undefined },
  ): number | null {
    const run = `${handle.bootId} ${String(handle.pid)} ${String(handle.startTicks)}`
    const before =
      this.#last?.run === run
        ? this.#last
        : { count: now.previousMs === undefined ? NaN : 0, atMs: now.previousMs ?? NaN }
    const perSecond = (Math.max(now.count - before.count, 0) * 1000) / (now.atMs - before.atMs)
    if (!Number.isNaN(now.count) || this.#last?.run !== run)
      this.#last = { run, count: now.count, atMs: now.atMs }
    return Number.isFinite(perSecond) ? perSecond : null
  }
}
