import { logSourceOf } from '@p2p-playground/core'
import type { LogEntry, LogKind } from '@p2p-playground/core'
import type { FeedListener, LogFeed, LogSource } from '../logs/log-feed.js'

/** The sources of some kinds, by name. */
export interface SourceCatalog {
  list(): readonly LogSource[]
  find(source: string): LogSource | undefined
  /** Tells of new lines until the function that it gives is called. */
  subscribe(listener: FeedListener): () => void
}

export function catalogOf(
  feeds: Readonly<Record<LogKind, LogFeed>>,
  kinds: readonly LogKind[],
): SourceCatalog {
  const own = kinds.map((kind) => ({ kind, feed: feeds[kind] }))
  return {
    list: () => own.flatMap(({ kind, feed }) => feed.sources({ kinds: [kind] })),
    find: (source) => {
      const [app, version] = source.split('@')
      const kind = version === undefined ? own.find((one) => one.kind === source)?.kind : 'app'
      if (kind === undefined || !kinds.includes(kind)) return undefined
      const query = { kinds: [kind], ...(kind === 'app' ? { app, version } : {}) }
      return feeds[kind].sources(query).find(({ name }) => name === source)
    },
    subscribe: (listener) => {
      const leave = own.map(({ feed }) => feed.subscribe(listener))
      return () => {
        for (const unsubscribe of leave) unsubscribe()
      }
    },
  }
}

/** Which life of which source an entry is of. */
export function lifeOf(entry: LogEntry): {
  readonly source: string
  readonly instance: string | null
} {
  return { source: logSourceOf(entry), instance: entry.kind === 'app' ? entry.instance : null }
}
