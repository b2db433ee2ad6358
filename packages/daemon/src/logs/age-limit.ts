import type { Clock } from '@p2p-playground/core'

/** For so long a clock may still be wrong that a machine came up with. */
const SETTLING_MS = 3_600_000
/** How finely the past of the clock is kept: what a jump held back goes late by at most this part of the age. */
const SPANS_PER_AGE = 10

/** How far the wall clock was ahead of the boot clock, from `sinceMs` (boot clock) until the next span. */
interface Span {
  readonly sinceMs: number
  leastMs: number
  mostMs: number
}

/**
 * Says which times of the wall clock lie too far back, however somebody sets that clock: never one that it had at a `look`
 * within the last `maxAgeMs` of the boot clock. For that, any setting of the clock that was seen within that time may be the
 * right one. Whatever is stored by the clock wants a `look` with it.
 */
export class AgeLimit {
  readonly #clock: Clock
  readonly #maxAgeMs: number
  readonly #startMs: number
  readonly #spans: Span[] = []

  constructor(options: { readonly clock: Clock; readonly maxAgeMs: number }) {
    this.#clock = options.clock
    this.#maxAgeMs = options.maxAgeMs
    this.#startMs = this.look()
  }

  /** Takes note of how the wall clock is set. Gives the boot clock. */
  look(): number {
    // Whole milliseconds, as the wall clock has: a sum of both is exact.
    const nowMs = Math.floor(this.#clock.monotonic())
    const aheadMs = this.#clock.now() - nowMs
    const last = this.#spans.at(-1)
    if (last === undefined || nowMs - last.sinceMs >= this.#maxAgeMs / SPANS_PER_AGE) {
      this.#spans.push({ sinceMs: nowMs, leastMs: aheadMs, mostMs: aheadMs })
    } else {
      last.leastMs = Math.min(last.leastMs, aheadMs)
      last.mostMs = Math.max(last.mostMs, aheadMs)
    }
    while ((this.#spans[1]?.sinceMs ?? Infinity) < nowMs - this.#maxAgeMs) this.#spans.shift()
    return nowMs
  }

  isPast(timeMs: number): boolean {
    const nowMs = this.look()
    const ranMs = nowMs - this.#startMs
    if (ranMs < SETTLING_MS) return false
    const leastMs = Math.min(...this.#spans.map((span) => span.leastMs))
    if (nowMs + leastMs - timeMs > this.#maxAgeMs) return true
    // A time of the future is of a clock that was set back: before all of this.
    const mostMs = Math.max(...this.#spans.map((span) => span.mostMs))
    return ranMs > this.#maxAgeMs && timeMs > nowMs + mostMs
  }
}
