import type { LogEntry } from '@p2p-playground/core'
import { Bell } from '../engine/bell.js'
import { matchesQuery } from './log-query.js'
import type { StoreQuery } from './log-query.js'

/** Beyond this a follower that does not keep up is served from the segments again. */
const MAX_BUFFERED_LINES = 2000
const MAX_BUFFERED_CHARACTERS = 1024 * 1024

/** Reads what is stored, as `readLogs`. */
export type ReadStored = (query: StoreQuery) => {
  readonly ends: ReadonlyMap<string, number>
  readonly batches: AsyncGenerator<LogEntry[]>
}

/** One who reads what is stored and then what comes, without gap or repeat, at their own pace. */
export class Follower {
  readonly #query: StoreQuery
  readonly #read: ReadStored
  readonly #bell = new Bell()
  /** Per version, the newest seq that was given out or passed over. */
  readonly #seen = new Map<string, number>()
  #buffer: LogEntry[] = []
  #characters = 0
  #isBehind = false
  #hasEnded = false

  constructor(query: StoreQuery, read: ReadStored) {
    this.#query = query
    this.#read = read
  }

  /** New entries of any app. */
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

  /** A log was removed: should the version come again, its numbers begin anew. */
  forget(app: string, version: string): void {
    if (app !== this.#query.app) return
    this.#seen.delete(version)
    const kept = this.#buffer.filter((entry) => entry.version !== version)
    this.#clear()
    this.#buffer = kept
  }

  /** Nothing will come any more. */
  end(): void {
    this.#hasEnded = true
    this.#bell.ring()
  }

  /** Ends when `signal` aborts or after `end`. */
  async *entries(signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    yield* this.#stored(this.#query, signal)
    while (!signal.aborted) {
      const count = this.#bell.count
      if (this.#isBehind) {
        this.#isBehind = false
        const afterSeq = Object.fromEntries(this.#seen)
        yield* this.#stored({ ...this.#query, tail: undefined, afterSeq }, signal)
        continue
      }
      const batch = this.#buffer.filter((entry) => entry.seq > (this.#seen.get(entry.version) ?? 0))
      this.#clear()
      for (const { version, seq } of batch) this.#seen.set(version, seq)
      if (batch.length > 0) yield batch
      else if (this.#hasEnded) return
      else await this.#bell.after(count, signal).catch(ignoreAbort(signal))
    }
  }

  async *#stored(query: StoreQuery, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    const { ends, batches } = this.#read(query)
    // What comes from now on is pushed, and whatever of it is read here too is known by its number.
    for (const [version, end] of ends) this.#seen.set(version, end)
    for await (const batch of batches) {
      if (signal.aborted) return
      yield batch
    }
  }

  #clear(): void {
    this.#buffer = []
    this.#characters = 0
  }
}

function ignoreAbort(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error
  }
}
