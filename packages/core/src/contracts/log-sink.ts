import type { LogEntry } from '../model/log-entry.js'

export interface LogBatch {
  /** The same for every try of the same entries, so that the far side can drop repeats. */
  readonly id: string
  /**
   * At least one; the order within a source (`logSourceOf`) is that of `seq`. A batch never changes: each try has the same
   * entries.
   */
  readonly entries: readonly LogEntry[]
}

/**
 * A place where logs go. Batching, retry and cursors belong to the shipper, not here: it hands over one batch at a time and
 * the next when `write` has resolved.
 */
export interface LogSink {
  /**
   * How long a line may wait for others, milliseconds, where each write costs something; default: as long as the shipper likes,
   * less than a second. What is left when the daemon stops goes at once.
   */
  readonly lingerMs?: number

  /**
   * Resolves once the batch is stored durably on the far side. Try no second time within: throw, and the shipper decides.
   * After 30 s `signal` aborts and the try counts as failed, whatever becomes of it.
   * @throws SINK_REFUSED: the far side will never take this batch. The shipper halves it to find the lines that are to blame.
   * SINK_DENIED: it takes nothing from us, as things are configured: credentials, no such bucket. The shipper pauses and tells.
   * SINK_UNAVAILABLE, as anything else that is thrown: later. `details.retryAfterMs` says how much later, where the far
   * side does. `sinkErrorOfStatus` makes the right one of an HTTP status.
   */
  write(batch: LogBatch, signal: AbortSignal): Promise<void>
}
