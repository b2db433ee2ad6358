import type { Clock } from '@p2p-playground/core'

/** A limit to how long somebody waits. To be lifted when the wait has ended. */
export class TimeLimit {
  /** Aborts when the time is over, when the caller's does, and when the limit is lifted. */
  readonly signal: AbortSignal
  readonly #over = new AbortController()
  readonly #caller: AbortSignal

  /** Without `timeoutMs` there is only the caller's signal. */
  constructor(timeoutMs: number | undefined, clock: Clock, caller: AbortSignal) {
    this.#caller = caller
    this.signal = AbortSignal.any([caller, this.#over.signal])
    if (timeoutMs === undefined) return
    void clock.sleep(timeoutMs, this.signal).then(
      () => {
        this.#over.abort()
      },
      () => undefined,
    )
  }

  /** The time was over before the caller lost interest. */
  get isOver(): boolean {
    return this.#over.signal.aborted && !this.#caller.aborted
  }

  lift(): void {
    this.#over.abort()
  }
}
