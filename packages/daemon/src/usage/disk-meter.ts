import { errorMessage, formatInstance } from '@p2p-playground/core'
import type { Clock, InstanceKey, Logger } from '@p2p-playground/core'

const MEASURE_MS = 5 * 60_000
/** A tree that takes long is looked at more rarely still: at most 1/500 of the time goes into it. */
const SHARE = 500

interface Measured {
  readonly sizeBytes: number | null
  readonly dueMs: number
}

/** What instances take on the disk: measured rarely, one at a time, beside everything else. */
export class DiskMeter {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #measure: (key: InstanceKey, signal: AbortSignal) => Promise<number | null>
  readonly #measured = new Map<string, Measured>()
  #running: Promise<void> | undefined

  constructor(options: {
    readonly clock: Clock
    readonly logger: Logger
    /** Null when it cannot be told. */
    readonly measure: (key: InstanceKey, signal: AbortSignal) => Promise<number | null>
  }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#measure = options.measure
  }

  /** As it was last measured; null before. */
  sizeOf(key: InstanceKey): number | null {
    return this.#measured.get(formatInstance(key))?.sizeBytes ?? null
  }

  /** Begins to measure the one of these that is most overdue, unless one is under way. Forgets all others. */
  measureNext(keys: readonly InstanceKey[], signal: AbortSignal): void {
    const names = new Set(keys.map(formatInstance))
    for (const name of this.#measured.keys()) if (!names.has(name)) this.#measured.delete(name)
    const dueMs = (key: InstanceKey): number =>
      this.#measured.get(formatInstance(key))?.dueMs ?? -Infinity
    const next = [...keys].sort((a, b) => (dueMs(a) < dueMs(b) ? -1 : 1))[0]
    if (this.#running !== undefined || next === undefined) return
    if (dueMs(next) > this.#clock.monotonic()) return
    this.#running = this.#look(next, signal).finally(() => {
      this.#running = undefined
    })
  }

  /** Resolves when nothing is being measured. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #look(key: InstanceKey, signal: AbortSignal): Promise<void> {
    const begunMs = this.#clock.monotonic()
    const sizeBytes = await this.#measure(key, signal).catch((error: unknown) => {
      if (!signal.aborted) {
        const fields = { instance: formatInstance(key), error: errorMessage(error) }
        this.#logger.debug('disk-not-measured', fields)
      }
      return null
    })
    const nowMs = this.#clock.monotonic()
    const waitMs = Math.max(MEASURE_MS, (nowMs - begunMs) * SHARE)
    this.#measured.set(formatInstance(key), { sizeBytes, dueMs: nowMs + waitMs })
  }
}
