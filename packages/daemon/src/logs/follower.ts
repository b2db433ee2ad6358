import { ignoreAbort, logSourceOf } from '@p2p-playground/core'
import type { LogEntry } from '@p2p-playground/core'
import { Bell } from '../engine/bell.js'
import type { FeedListener, LogAnswer, LogFeed } from './log-feed.js'
import { matchesQuery } from './log-query.js'
import type { StoreQuery } from './log-query.js'
import { readLogs } from './log-reader.js'

/** Beyond this a follower that does not keep up is served from the store again. */
const MAX_BUFFERED_LINES = 2000
const MAX_BUFFERED_CHARACTERS = 1024 * 1024

/** What the feeds have stored at the moment of the call. */
export function readFeeds(
  feeds: readonly LogFeed[],
  query: StoreQuery,
): ReturnType<typeof readLogs> {
  return readLogs(
    feeds.flatMap((feed) => feed.sources(query)),
    query,
  )
}

/**
 * What is stored, then what is new as it comes, without gap or repeat between them, also of sources that begin later. Ends when
 * `signal` aborts or a feed has ended.
 */
export async function* followFeeds(
  feeds: readonly LogFeed[],
  query: StoreQuery,
  signal: AbortSignal,
): AsyncGenerator<LogAnswer> {
  const follower = new Follower(feeds, query)
  const leave = feeds.map((feed) => feed.subscribe(follower))
  try {
    yield* follower.answers(signal)
  } finally {
    for (const unsubscribe of leave) unsubscribe()
  }
}

/** One who reads what is stored and then what comes, without gap or repeat, at their own pace. */
class Follower implements FeedListener {
  readonly #feeds: readonly LogFeed[]
  readonly #query: StoreQuery
  readonly #bell = new Bell()
  /** Per source, the newest seq that was given out or passed over. */
  readonly #seen = new Map<string, number>()
  #buffer: LogEntry[] = []
  #characters = 0
  #isBehind = false
  #hasEnded = false

  constructor(feeds: readonly LogFeed[], query: StoreQuery) {
    this.#feeds = feeds
    this.#query = query
  }

  push(entries: readonly LogEntry[]): void {
    if (this.#isBehind) return
    for (const entry of entries) {
      if (!matchesQuery(entry, this.#query)) continue
      this.#buffer.push(entry)
      this.#characters += entry.line.length
    }
    if (this.#buffer.length > MAX_BUFFERED_LINES || this.#characters > MAX_BUFFERED_CHARACTERS) {
      this.#isBehind = true
      this.#clear()
    }
    if (this.#isBehind || this.#buffer.length > 0) this.#bell.ring()
  }

  forget(source: string): void {
    this.#seen.delete(source)
    const kept = this.#buffer.filter((entry) => logSourceOf(entry) !== source)
    this.#clear()
    this.#buffer = kept
  }

  end(): void {
    this.#hasEnded = true
    this.#bell.ring()
  }

  /** Ends when `signal` aborts or after `end`. */
  async *answers(signal: AbortSignal): AsyncGenerator<LogAnswer> {
    yield* this.#stored(this.#query, signal)
    while (!signal.aborted) {
      const count = this.#bell.count
      if (this.#isBehind) {
        this.#isBehind = false
        const after = Object.fromEntries(this.#seen)
        yield* this.#stored({ ...this.#query, tail: undefined, after }, signal)
        continue
      }
      const entries = this.#buffer.filter(
        (entry) => entry.seq > (this.#seen.get(logSourceOf(entry)) ?? 0),
      )
      this.#clear()
      for (const entry of entries) this.#seen.set(logSourceOf(entry), entry.seq)
      if (entries.length > 0) yield { entries }
      else if (this.#hasEnded) return
      else await this.#bell.after(count, signal).catch(ignoreAbort(signal))
    }
  }

  async *#stored(query: StoreQuery, signal: AbortSignal): AsyncGenerator<LogAnswer> {
    const { ends, answers } = readFeeds(this.#feeds, query)
    // What comes from now on is pushed, and whatever of it is read here too is known by its number.
    for (const [source, end] of ends) this.#seen.set(source, end)
    for await (const answer of answers) {
      if (signal.aborted) return
      yield answer
    }
  }

  #clear(): void {
    this.#buffer = []
    this.#characters = 0
  }
}
