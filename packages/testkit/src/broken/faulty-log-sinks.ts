import { PlaygroundError } from '@p2p-playground/core'
import type { ErrorCode, LogBatch, LogEntry } from '@p2p-playground/core'
import { InMemoryLogSink } from '../fakes/in-memory-log-sink.js'

/* What breaks the promises that broken-log-sinks.ts lists. */

/** Stores something else than it was given. */
export class Alters extends InMemoryLogSink {
  readonly #alter: (entries: readonly LogEntry[]) => readonly LogEntry[]

  constructor(
    alter: (entries: readonly LogEntry[]) => readonly LogEntry[],
    before?: InMemoryLogSink,
  ) {
    super(before)
    this.#alter = alter
  }

  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    return super.write({ id: batch.id, entries: this.#alter(batch.entries) }, signal)
  }
}

export class StoresRepeats extends InMemoryLogSink {
  #writes = 0

  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    this.#writes += 1
    return super.write({ ...batch, id: `${batch.id}-${String(this.#writes)}` }, signal)
  }
}

/** Knows what it wrote only as long as it lives. */
export class ForgetsItsWrites extends InMemoryLogSink {
  static lives = 0
  readonly #life = String((ForgetsItsWrites.lives += 1))

  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    return super.write({ ...batch, id: `${this.#life}-${batch.id}` }, signal)
  }
}

export class KeepsOnlyTheLast extends InMemoryLogSink {
  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    return super.write({ ...batch, id: 'the-one-object' }, signal)
  }
}

export class SortsTheBatch extends InMemoryLogSink {
  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    const entries = batch.entries as LogEntry[]
    await super.write({ ...batch, entries: [...entries] }, signal)
    entries.sort((a, b) => a.kind.localeCompare(b.kind))
  }
}

export class SwallowsFailures extends InMemoryLogSink {
  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    if (this.mood === 'down') return
    return super.write(batch, signal)
  }
}

/** Says another thing than what happened. */
export class Recodes extends InMemoryLogSink {
  readonly #from: ErrorCode
  readonly #to: ErrorCode

  constructor(from: ErrorCode, to: ErrorCode, before?: InMemoryLogSink) {
    super(before)
    this.#from = from
    this.#to = to
  }

  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    try {
      await super.write(batch, signal)
    } catch (cause) {
      if (!(cause instanceof PlaygroundError) || cause.code !== this.#from) throw cause
      throw new PlaygroundError(this.#to, cause.message, { cause })
    }
  }
}

export class TriesAgainItself extends InMemoryLogSink {
  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    while (this.mood === 'down') await new Promise((resolve) => setTimeout(resolve, 10))
    return super.write(batch, signal)
  }
}

export class BeginsThoughAborted extends InMemoryLogSink {
  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    return super.write(batch, signal.aborted ? new AbortController().signal : signal)
  }
}

export class DoesNotHeedAborts extends InMemoryLogSink {
  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    return super.write(batch, new AbortController().signal)
  }
}

export class TakesAbortsForSuccess extends InMemoryLogSink {
  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    try {
      await super.write(batch, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

export class DropsAfterClose extends InMemoryLogSink {
  #isOver = false

  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    if (this.#isOver) return
    return super.write(batch, signal)
  }

  override async close(): Promise<void> {
    this.#isOver = true
    return super.close()
  }
}

export class ClosesOnce extends InMemoryLogSink {
  #isOver = false

  override async close(): Promise<void> {
    if (this.#isOver) throw new Error('it is closed already')
    this.#isOver = true
    return super.close()
  }
}

/** Writes with whichever was made last. */
export class SharesOneConnection extends InMemoryLogSink {
  static last: InMemoryLogSink | undefined

  constructor(before?: InMemoryLogSink) {
    super(before)
    SharesOneConnection.last = this
  }

  override async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    const last = SharesOneConnection.last ?? this
    return InMemoryLogSink.prototype.write.call(last, batch, signal)
  }
}
