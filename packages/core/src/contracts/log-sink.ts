import type { LogEntry } from '../model/log-entry.js'

export interface LogBatch {
  /** The same for every try of the same entries, so that the far side can drop repeats. */
  readonly id: string
  readonly entries: readonly LogEntry[]
}

/** A place where logs go. Batching, retry and cursors belong to the shipper, not here. */
export interface LogSink {
  /** Resolves once the batch is stored durably on the far side; throws otherwise. */
  write(batch: LogBatch, signal: AbortSignal): Promise<void>
}
