import { existsSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { formatInstance } from '@p2p-playground/core'
import type { Clock, InstanceKey, LogEntry, Logger } from '@p2p-playground/core'
import { Bell } from '../engine/bell.js'
import { Collector } from './collector.js'
import { compareEntries, matchesQuery } from './log-query.js'
import type { StoreQuery } from './log-query.js'

/** Where an instance writes to. */
export interface InstanceLog {
  readonly stdoutPath: string
  readonly stderrPath: string
}

/** Beyond this a follower that does not keep up is served from the segments again. */
const MAX_BUFFERED = 10_000
const BATCH = 500

/** The app logs of a node. */
export class LogStore {
  readonly #options: ConstructorParameters<typeof LogStore>[0]
  readonly #collectors = new Map<string, Collector>()
  readonly #followers = new Set<(entries: readonly LogEntry[]) => void>()

  constructor(options: {
    readonly rootDir: string
    readonly node: string
    readonly clock: Clock
    readonly logger: Logger
    readonly maxBytesPerApp: number
    readonly maxAgeMs: number
    readonly redact: readonly RegExp[]
  }) {
    this.#options = options
  }

  /** Begins to collect an instance's output; idempotent. */
  async open(
    key: InstanceKey,
    options: { readonly secrets: readonly string[] },
  ): Promise<InstanceLog> {
    const collector = this.#collectorOf(key)
    collector.open(options.secrets)
    const { stdoutPath, stderrPath } = collector
    return Promise.resolve({ stdoutPath, stderrPath })
  }

  /** The instance has ended: everything that it wrote is stored when this resolves. */
  async finish(key: InstanceKey): Promise<void> {
    this.#collectors.get(formatInstance(key))?.finish()
    return Promise.resolve()
  }

  /** Deletes the logs of an instance. */
  async remove(app: string, version: string): Promise<void> {
    const name = formatInstance({ app, version })
    this.#collectors.get(name)?.close()
    this.#collectors.delete(name)
    await rm(this.#dirOf({ app, version }), { recursive: true, force: true })
  }

  /** Stored entries in batches, the oldest first. */
  async *query(query: StoreQuery): AsyncGenerator<LogEntry[]> {
    const found = this.#select(query)
    for (let start = 0; start < found.length; start += BATCH) {
      yield await Promise.resolve(found.slice(start, start + BATCH))
    }
  }

  /** Stored entries, then new ones as they come, without gap or repeat between them. */
  async *follow(query: StoreQuery, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    const bell = new Bell()
    const live: { buffer: LogEntry[]; overflow: boolean } = { buffer: [], overflow: false }
    const listen = (entries: readonly LogEntry[]): void => {
      const wanted = entries.filter((entry) => matchesQuery(entry, query))
      if (wanted.length === 0) return
      if (live.buffer.length + wanted.length > MAX_BUFFERED) {
        live.overflow = true
        live.buffer = []
      } else if (!live.overflow) live.buffer.push(...wanted)
      bell.ring()
    }
    this.#followers.add(listen)
    try {
      const seen: Record<string, number> = { ...query.afterSeq }
      const fresh = (entries: readonly LogEntry[]): LogEntry[] => {
        const batch = entries.filter((entry) => entry.seq > (seen[entry.version] ?? 0))
        for (const entry of batch) seen[entry.version] = entry.seq
        return batch
      }
      for await (const batch of this.query(query)) yield fresh(batch)
      while (!signal.aborted) {
        const count = bell.count
        if (live.overflow) {
          live.overflow = false
          for await (const batch of this.query({
            ...query,
            tail: undefined,
            afterSeq: { ...seen },
          }))
            yield fresh(batch)
          continue
        }
        const batch = fresh(live.buffer)
        live.buffer = []
        if (batch.length > 0) yield batch
        else await bell.after(count, signal)
      }
    } finally {
      this.#followers.delete(listen)
    }
  }

  async close(): Promise<void> {
    for (const collector of this.#collectors.values()) collector.close()
    this.#collectors.clear()
    return Promise.resolve()
  }

  #select(query: StoreQuery): LogEntry[] {
    const versions = this.#versionsOf(query)
    const perVersion = versions.flatMap((version) => this.#read({ app: query.app, version }, query))
    const sorted = versions.length > 1 ? perVersion.sort(compareEntries) : perVersion
    return query.tail === undefined ? sorted : sorted.slice(Math.max(sorted.length - query.tail, 0))
  }

  /** Reads backwards, so that the newest few cost little. */
  #read(key: InstanceKey, query: StoreQuery): LogEntry[] {
    const { node } = this.#options
    const batches: LogEntry[][] = []
    let count = 0
    for (const lines of this.#collectorOf(key).segments.backward()) {
      const entries = lines
        .map((line) => ({ ...line, node, app: key.app, version: key.version }))
        .filter((entry) => matchesQuery(entry, query))
      batches.push(entries)
      count += entries.length
      const oldest = lines[0]
      if (query.tail !== undefined && count >= query.tail) break
      if (oldest !== undefined && query.sinceMs !== undefined && oldest.timeMs < query.sinceMs)
        break
      if (oldest !== undefined && oldest.seq <= (query.afterSeq?.[key.version] ?? 0)) break
    }
    return batches.reverse().flat()
  }

  #versionsOf(query: StoreQuery): string[] {
    if (query.version !== undefined)
      return existsSync(this.#dirOf({ app: query.app, version: query.version }))
        ? [query.version]
        : []
    const dir = join(this.#options.rootDir, query.app)
    return existsSync(dir) ? readdirSync(dir) : []
  }

  #collectorOf(key: InstanceKey): Collector {
    const name = formatInstance(key)
    const known = this.#collectors.get(name)
    if (known !== undefined) return known
    const collector = new Collector({
      key,
      node: this.#options.node,
      dir: this.#dirOf(key),
      maxBytes: this.#options.maxBytesPerApp,
      maxAgeMs: this.#options.maxAgeMs,
      patterns: this.#options.redact,
      clock: this.#options.clock,
      logger: this.#options.logger,
      onEntries: (entries) => {
        for (const follower of this.#followers) follower(entries)
      },
    })
    this.#collectors.set(name, collector)
    return collector
  }

  #dirOf(key: InstanceKey): string {
    return join(this.#options.rootDir, key.app, key.version)
  }
}
