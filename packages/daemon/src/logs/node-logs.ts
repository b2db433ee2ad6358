import type { LogKind } from '@p2p-playground/core'
import type { DaemonLog } from './daemon-log.js'
import type { EventFeed } from './event-feed.js'
import { followFeeds, readFeeds } from './follower.js'
import type { LogAnswer, LogFeed } from './log-feed.js'
import type { StoreQuery } from './log-query.js'
import type { LogStore } from './log-store.js'

/** All that a node has to tell, under one query: what apps wrote, the daemon's own log, the events. */
export class NodeLogs {
  readonly apps: LogStore
  readonly feeds: Readonly<Record<LogKind, LogFeed>>

  constructor(options: {
    readonly apps: LogStore
    readonly daemon: DaemonLog
    readonly events: EventFeed
  }) {
    this.apps = options.apps
    this.feeds = { app: options.apps, daemon: options.daemon, event: options.events }
  }

  /** What is stored, the oldest first. */
  query(query: StoreQuery): AsyncGenerator<LogAnswer> {
    return readFeeds(this.#asked(query), query).answers
  }

  /** The same, then what is new as it comes, until `signal` aborts. */
  follow(query: StoreQuery, signal: AbortSignal): AsyncGenerator<LogAnswer> {
    return followFeeds(this.#asked(query), query, signal)
  }

  #asked({ kinds }: StoreQuery): LogFeed[] {
    return [...new Set(kinds)].map((kind) => this.feeds[kind])
  }
}
