import { Repeats } from '@p2p-playground/core'
import type { Clock, LogFields, Logger } from '@p2p-playground/core'

export interface PeerLinesOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly event: string
}

/**
 * Warnings of one event that a peer can bring about as often as it likes: few lines of it, as `Repeats` has them, are logged.
 * Those with the same fields are of a kind.
 */
export class PeerLines {
  readonly #lines: Repeats<LogFields>

  constructor({ clock, logger, event }: PeerLinesOptions) {
    this.#lines = new Repeats({
      clock,
      nameOf: (fields) => JSON.stringify(fields),
      onFirst: (fields) => {
        logger.warn(event, fields)
      },
      onMore: (repeated, others) => {
        for (const { item, more } of repeated) logger.warn(event, { ...item, more })
        if (others > 0) logger.warn(event, { others })
      },
    })
  }

  add(fields: LogFields): void {
    this.#lines.add(fields)
  }

  /** Logs what was only counted. Idempotent. */
  close(): void {
    this.#lines.close()
  }
}
