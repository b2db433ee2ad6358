import { Repeats, errorMessage } from '@p2p-playground/core'
import type { Clock, Logger, NewEvent } from '@p2p-playground/core'
import type { InstanceTable } from '../engine/instance-table.js'

/**
 * What peers without the right to it ask for again and again, as few events: each is a write that waits for the disk, and
 * pushes an older event out. Those of the same peer, code, app and words are of a kind.
 */
export class RefusalEvents {
  readonly #table: Pick<InstanceTable, 'record'>
  readonly #logger: Pick<Logger, 'error'>
  readonly #refusals: Repeats<NewEvent>

  constructor(options: {
    readonly table: Pick<InstanceTable, 'record'>
    readonly clock: Clock
    readonly logger: Pick<Logger, 'error'>
  }) {
    const { clock } = options
    this.#table = options.table
    this.#logger = options.logger
    this.#refusals = new Repeats({
      clock,
      nameOf: ({ by, code, app, message }) => JSON.stringify([by, code, app, message]),
      onFirst: (refusal) => {
        this.#write([refusal])
      },
      onMore: (repeated, others) => {
        const timeMs = clock.now()
        const events = repeated.map(({ item, more }) => {
          const times = more === 1 ? 'time' : 'times'
          return { ...item, timeMs, message: `${item.message}; ${String(more)} more ${times}` }
        })
        this.#write(others > 0 ? [...events, othersEvent(others, timeMs)] : events)
      },
    })
  }

  /** Never throws: that somebody is refused does not depend on whether it can be written down. */
  record(refusal: NewEvent): void {
    this.#refusals.add(refusal)
  }

  /** Records what was only counted. Idempotent. */
  close(): void {
    this.#refusals.close()
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
