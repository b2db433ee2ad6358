import type { LogEntry } from '@p2p-playground/core'

export interface StoreQuery {
  readonly app: string
  readonly version?: string | undefined
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  /** At most that many of the newest. */
  readonly tail?: number | undefined
  readonly stream?: LogEntry['stream'] | undefined
  readonly grep?: string | undefined
  /** Per version: only entries with a higher seq. */
  readonly afterSeq?: Readonly<Record<string, number>> | undefined
}

/** True when an entry is among those that the query asks for, `tail` aside. */
export function matchesQuery(entry: LogEntry, query: StoreQuery): boolean {
  return (
    entry.app === query.app &&
    (query.version === undefined || entry.version === query.version) &&
    (query.sinceMs === undefined || entry.timeMs >= query.sinceMs) &&
    (query.untilMs === undefined || entry.timeMs <= query.untilMs) &&
    (query.stream === undefined || entry.stream === query.stream) &&
    (query.grep === undefined || entry.line.includes(query.grep)) &&
    entry.seq > (query.afterSeq?.[entry.version] ?? 0)
  )
}

/** By time, then version, then seq: the order in which people read. */
export function compareEntries(a: LogEntry, b: LogEntry): number {
  return (
    a.timeMs - b.timeMs || (a.version < b.version ? -1 : a.version > b.version ? 1 : a.seq - b.seq)
  )
}
