import type { LogEntry } from '@p2p-playground/core'
import type { TimeRange } from './frame.js'
import type { StoreQuery } from './log-query.js'

/** Lines of one time, decoded only when somebody wants them. */
export interface LogBlock {
  readonly timeMs: number
  readonly firstSeq: number
  readonly count: number
  entries(): LogEntry[]
}

/** What of a source is read at once. */
export interface LogChunk {
  /** Of the first line that it has or will have. */
  readonly firstSeq: number
  /** Null while it has no line, or where that is not known. */
  readonly range: TimeRange | null
  /** None when it was dropped meanwhile. May leave out blocks that have nothing from `fromSeq` on. */
  read(fromSeq?: number): Promise<readonly LogBlock[]>
}

/** Stored lines that are numbered together: those of an instance, the daemon's own, the events. */
export interface LogSource {
  /** As `logSourceOf` has it. */
  readonly name: string
  /** Of the line that comes next. */
  readonly nextSeq: number
  /** Which life of a log this is, where it can be removed and begins at one again then; null where it cannot. */
  readonly instance: string | null
  /** From the oldest to the newest. */
  chunks(): readonly LogChunk[]
  /** Resolves when lines below `nextSeq` would keep their numbers after a power cut too. */
  sync(): Promise<void>
}

export interface FeedListener {
  /** New entries of any source. */
  push(entries: readonly LogEntry[]): void
  /** A source was removed: should it come again, its numbers begin anew. */
  forget(source: string): void
  /** Nothing will come any more. */
  end(): void
}

/** Sources of one kind, and word of what is new in them. */
export interface LogFeed {
  /** Those that may have what the query asks for. */
  sources(query: StoreQuery): readonly LogSource[]
  /** Tells of new lines until the function that it gives is called. */
  subscribe(listener: FeedListener): () => void
}

/** A part of what is given to whoever asks. */
export interface LogAnswer {
  readonly entries: readonly LogEntry[]
  /** Per source: what has no higher seq is no part of the rest. */
  readonly position?: Readonly<Record<string, number>>
  /** Per source: lines that the query may have meant and that are gone. */
  readonly dropped?: readonly { readonly source: string; readonly lines: number }[]
}
