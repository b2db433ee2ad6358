import type { LogBatch, LogEntry, LogSink } from '@p2p-playground/core'

/** Keeps batches; one that comes again is dropped by its id. */
export class InMemoryLogSink implements LogSink {
  readonly #batches = new Map<string, LogBatch>()

  get entries(): LogEntry[] {
    return [...this.#batches.values()].flatMap((batch) => batch.entries)
  }

  async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#batches.set(batch.id, batch)
    return Promise.resolve()
  }
}
