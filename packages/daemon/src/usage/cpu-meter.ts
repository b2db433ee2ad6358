import type { RunHandle } from '@p2p-playground/core'

interface Seen {
  readonly run: string
  /** NaN when the run was there, but could not be asked. */
  readonly cpuMs: number
  readonly atMs: number
}

/** Turns the CPU time that one instance has used into cores in use, over restarts of it and of the daemon. */
export class CpuMeter {
  #last: Seen | undefined

  /**
   * Cores in use since the look before; null when that cannot be told. A run that was not there at `previousMs`, when all
   * instances were last looked at, has begun since: all it used counts. Undefined `previousMs`: nobody has looked yet.
   * A sum that shrinks, because a process of the group has ended, counts as nothing.
   */
  look(
    handle: RunHandle,
    now: { readonly cpuMs: number; readonly atMs: number; readonly previousMs: number | undefined },
  ): number | null {
    const run = `${handle.bootId} ${String(handle.pid)} ${String(handle.startTicks)}`
    const before =
      this.#last?.run === run
        ? this.#last
        : { cpuMs: now.previousMs === undefined ? NaN : 0, atMs: now.previousMs ?? NaN }
    const cores = Math.max(now.cpuMs - before.cpuMs, 0) / (now.atMs - before.atMs)
    if (!Number.isNaN(now.cpuMs) || this.#last?.run !== run)
      this.#last = { run, cpuMs: now.cpuMs, atMs: now.atMs }
    return Number.isFinite(cores) ? cores : null
  }
}
