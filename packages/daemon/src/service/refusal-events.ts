import { errorMessage, ignoreAbort } from '@p2p-playground/core'
import type { Clock, Logger, NewEvent } from '@p2p-playground/core'
import type { InstanceTable } from '../engine/instance-table.js'

/** Equal refusals within it are one event more, however many they are. */
const WINDOW_MS = 60_000
/** Different refusals that are told apart within it: who has many PeerIDs, or names many apps, is no better off. */
const MAX_KINDS = 64

interface Kind {
  /** As it was recorded. */
  readonly first: NewEvent
  more: number
}

/**
 * What peers without the right to it ask for again and again, as few events: each is a write that waits for the disk, and
 * pushes an older event out. The first is recorded at once, those of the same peer, code and words that follow within a
 * minute as their number, when it is over or the daemon ends.
 */
export class RefusalEvents {
  readonly #table: Pick<InstanceTable, 'record'>
  readonly #clock: Clock
  readonly #logger: Pick<Logger, 'error'>
  readonly #kinds = new Map<string, Kind>()
  /** Of kinds beyond those that are told apart. */
  #others = 0
  #window: AbortController | undefined

  constructor(options: {
    readonly table: Pick<InstanceTable, 'record'>
    readonly clock: Clock
    readonly logger: Pick<Logger, 'error'>
  }) {
    this.#table = options.table
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /** Never throws: that somebody is refused does not depend on whether it can be written down. */
  record(refusal: NewEvent): void {
    this.#window ??= this.#openWindow()
    const name = JSON.stringify([refusal.by, refusal.code, refusal.app, refusal.message])
    const known = this.#kinds.get(name)
    if (known !== undefined) known.more += 1
    else if (this.#kinds.size >= MAX_KINDS) this.#others += 1
    else {
      this.#kinds.set(name, { first: refusal, more: 0 })
      this.#write([refusal])
    }
  }

  /** Records what was only counted. Idempotent. */
  close(): void {
    this.#window?.abort()
    this.#window = undefined
    const timeMs = this.#clock.now()
    const events = [...this.#kinds.values()].flatMap(({ first, more }) => {
      const times = more === 1 ? 'time' : 'times'
      const message = `${first.message}; ${String(more)} more ${times}`
      return more === 0 ? [] : [{ ...first, timeMs, message }]
    })
    if (this.#others > 0) events.push(othersEvent(this.#others, timeMs))
    this.#kinds.clear()
    this.#others = 0
    if (events.length > 0) this.#write(events)
  }

  #openWindow(): AbortController {
    const window = new AbortController()
    this.#clock
      .sleep(WINDOW_MS, window.signal)
      .then(() => {
        this.close()
      })
      .catch(ignoreAbort(window.signal))
    return window
  }

  #write(events: readonly NewEvent[]): void {
    try {
      this.#table.record(...events)
    } catch (error) {
      this.#logger.error('refusal-not-recorded', { error: errorMessage(error) })
    }
  }
}

function othersEvent(count: number, timeMs: number): NewEvent {
  const message = `refusals of further kinds: ${String(count)}`
  const nobody = { app: null, version: null, code: null, by: null }
  return { timeMs, type: 'refused', message, ...nobody }
}
