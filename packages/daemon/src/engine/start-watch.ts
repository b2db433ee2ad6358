import { PlaygroundError, formatDuration, formatInstance } from '@p2p-playground/core'
import type { Clock, InstanceKey, InstanceRecord } from '@p2p-playground/core'
import type { Engine } from './engine.js'
import { nextLook } from './next-look.js'
import { readinessOf } from './readiness.js'
import type { Readiness } from './readiness.js'

/** What whoever asked for a start waits for, and how long. */
export interface WaitOptions {
  /** Until the version is ready or has failed. */
  readonly wait: boolean
  readonly timeoutMs: number
  /** What `timeoutMs` is the rest of; default: itself. */
  readonly limitMs?: number
}

export const GOES_ON =
  'It goes on. Look with "p2p-playground app list", or give more time with --timeout.'

/** Watches versions on their way up, for whoever waits for them. */
export class StartWatch {
  readonly #engine: Pick<Engine, 'table' | 'launcher'>
  readonly #clock: Clock

  constructor(options: {
    readonly engine: Pick<Engine, 'table' | 'launcher'>
    readonly clock: Clock
  }) {
    this.#engine = options.engine
    this.#clock = options.clock
  }

  /**
   * Gives the record in each state that it comes to, at last when it is ready.
   * @throws APP_START, APP_UNHEALTHY, APP_ROLLED_BACK; APP_NOT_FOUND when it was removed meanwhile
   */
  async *follow(
    key: InstanceKey,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly record: InstanceRecord; readonly ready: boolean }> {
    const { changed } = this.#engine.table
    let shown: string | undefined
    for (;;) {
      const seen = changed.count
      const record = this.require(key)
      const readiness = this.#readinessOf(record)
      if (readiness.kind === 'ready') {
        yield { record, ready: true }
        return
      }
      if (record.state !== shown) yield { record, ready: false }
      shown = record.state
      const look = { seen, againMs: readiness.againMs }
      await nextLook({ changed, clock: this.#clock }, look, signal)
    }
  }

  /** @throws APP_NOT_FOUND when it was removed */
  require(key: InstanceKey): InstanceRecord {
    const record = this.#engine.table.get(key)
    if (record !== undefined) return record
    throw new PlaygroundError('APP_NOT_FOUND', `${formatInstance(key)} was removed`)
  }

  /** What to say when the time of a wait is over. */
  late(key: InstanceKey, { timeoutMs, limitMs = timeoutMs }: WaitOptions): PlaygroundError {
    const record = this.#engine.table.get(key)
    const state = record === undefined ? 'gone' : record.state
    const detail = record === undefined ? '' : record.reason || record.lastFailure
    const why = detail === '' ? '' : ` (${detail})`
    return new PlaygroundError(
      'APP_WAIT_TIMEOUT',
      `${formatInstance(key)} was not ready within ${formatDuration(limitMs)}: ${state}${why}`,
      { hint: GOES_ON },
    )
  }

  #readinessOf(record: InstanceRecord): Readiness {
    const { table, launcher } = this.#engine
    return readinessOf(record, {
      app: table.app(record.app),
      active: table.ofApp(record.app).find((one) => one.active),
      hasHealthCheck: launcher.hasHealthCheck(record),
      nowMs: this.#clock.monotonic(),
    })
  }
}
