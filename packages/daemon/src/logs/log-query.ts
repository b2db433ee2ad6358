import type { LogEntry, LogKind, LogStream } from '@p2p-playground/core'

export interface StoreQuery {
  readonly kinds: readonly LogKind[]
  /** Missing: all. */
  readonly app?: string | undefined
  readonly version?: string | undefined
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  /** At most that many of the newest. */
  readonly tail?: number | undefined
  readonly stream?: LogStream | undefined
  /** Only lines that contain it, as it stands. */
  readonly grep?: string | undefined
  /** Per source: only entries with a higher seq. */
  readonly after?: Readonly<Record<string, number>> | undefined
  /** Whether whoever asks may see what is about an app, or with null about none. Missing: all of it. */
  readonly canRead?: ((app: string | null) => boolean) | undefined
}

/** True when an entry is among those that the query asks for, `tail` and `after` aside. */
export function matchesQuery(entry: LogEntry, query: StoreQuery): boolean {
  return (
    query.kinds.includes(entry.kind) &&
    (query.app === undefined || entry.app === query.app) &&
    (query.version === undefined || entry.version === query.version) &&
    matchesTime(entry.timeMs, query) &&
    (query.stream === undefined || (entry.kind === 'app' && entry.stream === query.stream)) &&
    (query.grep === undefined || entry.line.includes(query.grep)) &&
    (query.canRead === undefined || query.canRead(entry.app))
  )
}

export function matchesTime(timeMs: number, query: StoreQuery): boolean {
  return (
    (query.sinceMs === undefined || timeMs >= query.sinceMs) &&
    (query.untilMs === undefined || timeMs <= query.untilMs)
  )
}
