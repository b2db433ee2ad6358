import type { LogEntry } from '@p2p-playground/core'

export interface StoreQuery {
  readonly app: string
  readonly version?: string | undefined
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  /** At most that many of the newest. */
  readonly tail?: number | undefined
  readonly stream?: LogEntry['stream'] | undefined
  /** Only lines that contain it, as it stands. */
  readonly grep?: string | undefined
  /** Per version: only entries with a higher seq. One beyond the newest is of a log that was removed, and means none. */
  readonly afterSeq?: Readonly<Record<string, number>> | undefined
}

/** True when an entry is among those that the query asks for, `tail` and `afterSeq` aside. */
export function matchesQuery(entry: LogEntry, query: StoreQuery): boolean {
  return (
    entry.app === query.app &&
    (query.version === undefined || entry.version === query.version) &&
    matchesTime(entry.timeMs, query) &&
    (query.stream === undefined || entry.stream === query.stream) &&
    (query.grep === undefined || entry.line.includes(query.grep))
  )
}

export function matchesTime(timeMs: number, query: StoreQuery): boolean {
  return (
    (query.sinceMs === undefined || timeMs >= query.sinceMs) &&
    (query.untilMs === undefined || timeMs <= query.untilMs)
  )
}
