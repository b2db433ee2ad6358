import type { Clock, LogSinkState, Logger } from '@p2p-playground/core'
import { pauseDelayMs, retryDelayMs } from './retry-delay.js'
import type { Random } from './retry-delay.js'

/** A sink that answers again before that was only busy: nobody is told. */
const TOLD_AFTER_MS = 10_000

export interface SinkHealthOptions {
  readonly clock: Clock
  /** Says which sink in each line. */
  readonly logger: Logger
  readonly random: Random
  /** It was so when the daemon before ended, and was told. */
  readonly wasPaused: boolean
  /** The sink takes nothing from us, with the reason; or takes again, null. Once a change. */
  readonly onPause: (reason: string | null) => void
}

/** Whether a sink takes what it is given, when it is to be tried again, and what of that is told. */
export class SinkHealth {
  readonly #options: SinkHealthOptions
  #trouble:
    { readonly state: 'retrying' | 'paused'; readonly sinceMs: number; reason: string } | undefined
  #failures = 0
  #nextTryMs: number | null = null
  #isPauseTold: boolean
  #isTold = false
  #sinceMonotonicMs = 0

  constructor(options: SinkHealthOptions) {
    this.#options = options
    this.#isPauseTold = options.wasPaused
  }

  get state(): LogSinkState {
    return this.#trouble?.state ?? 'ok'
  }

  get status(): {
    readonly state: LogSinkState
    readonly sinceMs: number | null
    readonly reason: string | null
    readonly nextTryMs: number | null
  } {
    const { sinceMs = null, reason = null } = this.#trouble ?? {}
    return { state: this.state, sinceMs, reason, nextTryMs: this.#nextTryMs }
  }

  /** It answers: it took a batch, or would have taken another. */
  ok(): void {
    const { logger, onPause } = this.#options
    this.#nextTryMs = null
    this.#failures = 0
    if (this.#isPauseTold) onPause(null)
    else if (this.#isTold) logger.info('log-sink-recovered')
    this.#isPauseTold = false
    this.#isTold = false
    this.#trouble = undefined
  }

  /** It does not answer, or not now. Gives how long to wait. */
  unavailable(reason: string, askedMs?: number): number {
    const { clock, logger, random } = this.#options
    this.#begin('retrying', reason)
    if (!this.#isTold && clock.monotonic() - this.#sinceMonotonicMs >= TOLD_AFTER_MS) {
      this.#isTold = true
      logger.warn('log-sink-unavailable', { error: reason })
    }
    return this.#wait(retryDelayMs(this.#failures, { askedMs, random }))
  }

  /** It takes nothing from us. Gives how long to wait. */
  denied(reason: string): number {
    const { onPause, random } = this.#options
    if (this.state !== 'paused') this.#failures = 0
    this.#begin('paused', reason)
    if (!this.#isPauseTold) onPause(reason)
    this.#isPauseTold = true
    return this.#wait(pauseDelayMs(this.#failures, { random }))
  }

  /** The wait is over. */
  trying(): void {
    this.#nextTryMs = null
  }

  #begin(state: 'retrying' | 'paused', reason: string): void {
    const { clock } = this.#options
    if (this.#trouble === undefined) this.#sinceMonotonicMs = clock.monotonic()
    this.#failures += 1
    if (this.#trouble?.state === state) this.#trouble.reason = reason
    else this.#trouble = { state, sinceMs: clock.now(), reason }
  }

  #wait(ms: number): number {
    this.#nextTryMs = this.#options.clock.now() + ms
    return ms
  }
}
