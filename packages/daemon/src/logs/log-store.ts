import { errorMessage, formatInstance } from '@p2p-playground/core'
import type { AppLogEntry, Clock, InstanceKey, LogEntry, Logger } from '@p2p-playground/core'
import { AgeLimit } from './age-limit.js'
import { Collector } from './collector.js'
import { readFeeds } from './follower.js'
import type { HookStream, StoredLine } from './frame.js'
import { HolePuncher } from './hole-puncher.js'
import type { LogClaims } from './log-claims.js'
import { LogDirs } from './log-dirs.js'
import type { FeedListener, LogAnswer, LogFeed, LogSource } from './log-feed.js'
import type { StoreQuery } from './log-query.js'
import { retain, retainedLog } from './retention.js'
import type { RetainedLog } from './retention.js'
import { entryOfStored, segmentSource } from './segment-source.js'

/** Where an instance writes to. */
export interface InstanceLog {
  readonly stdoutPath: string
  readonly stderrPath: string
}

export interface LogStoreOptions {
  readonly rootDir: string
  readonly node: string
  readonly clock: Clock
  readonly logger: Logger
  /** All versions of an app together, without the raw output that is not taken in yet. */
  readonly maxBytesPerApp: number
  readonly maxAgeMs: number
  /** As `maxBytesPerApp`, where log sinks need what is beyond it. Default: twice that. */
  readonly maxUnshippedBytesPerApp?: number
  readonly redact: readonly RegExp[]
}

/** A tail and a recovery read whole segments. */
const MAX_ROLL_BYTES = 1024 * 1024
/** The cap is kept by whole segments: the smaller they are, the less goes at a time. */
const SEGMENTS_PER_APP = 8
/** A start has better to do; after that, age is looked at every hour. */
const FIRST_SWEEP_MS = 60_000
const SWEEP_MS = 3_600_000

/** The app logs of a node. */
export class LogStore implements LogFeed {
  readonly #options: LogStoreOptions
  readonly #dirs: LogDirs
  readonly #rollBytes: number
  readonly #puncher: HolePuncher
  readonly #age: AgeLimit
  readonly #collectors = new Map<string, Collector>()
  readonly #listeners = new Set<FeedListener>()
  readonly #stop = new AbortController()
  #claims: LogClaims | undefined

  constructor(options: LogStoreOptions) {
    this.#options = options
    this.#dirs = new LogDirs(options.rootDir)
    this.#rollBytes = Math.min(MAX_ROLL_BYTES, Math.ceil(options.maxBytesPerApp / SEGMENTS_PER_APP))
    this.#puncher = new HolePuncher(options)
    this.#age = new AgeLimit(options)
    void this.#sweep(this.#stop.signal)
  }

  /** Heeds from now on who needs stored lines. */
  claimedBy(claims: LogClaims): void {
    this.#claims = claims
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
    await this.#collectors.get(formatInstance(key))?.finish()
  }

  /**
   * Stores what a hook of an instance wrote, in its log: numbered with its other lines, and on the disk when this resolves.
   * Secrets are those of the last `open`.
   */
  async append(key: InstanceKey, stream: HookStream, lines: readonly string[]): Promise<void> {
    await this.#collectorOf(key).append(stream, lines)
  }

  /** Deletes the logs of an instance, or of all versions of an app; overwritten when asked. */
  async remove(
    app: string,
    version?: string,
    options: { readonly overwrite: boolean } = { overwrite: false },
  ): Promise<void> {
    for (const each of version === undefined ? this.#dirs.versionsOf(app) : [version]) {
      const key = { app, version: each }
      const name = formatInstance(key)
      await this.#collectors.get(name)?.close()
      await this.#claims?.beforeRemoval(name)
      this.#collectors.delete(name)
      for (const listener of this.#listeners) listener.forget(name)
      await this.#dirs.remove(key, options)
    }
    await this.#dirs.removeIfEmpty(app)
  }

  /** Lines of an app that are gone because of the caps of size and age, per version. */
  dropped(app: string): Readonly<Record<string, number>> {
    const logs = this.#dirs.versionsOf(app).map((version) => this.#segmentsOf({ app, version }))
    return Object.fromEntries(logs.map((log) => [log.version, log.droppedLines]))
  }

  /** The newest lines of an instance, at most that many. Reads no more of its log than it must. */
  async tailOf(key: InstanceKey, lines: number): Promise<readonly AppLogEntry[]> {
    const { app, version } = key
    const found: LogEntry[] = []
    const query = { kinds: ['app'] as const, app, version, tail: lines }
    for await (const { entries } of this.query(query)) found.push(...entries)
    return found.filter((entry) => entry.kind === 'app')
  }

  sources({ kinds, app, version, canRead = () => true }: StoreQuery): LogSource[] {
    if (!kinds.includes('app')) return []
    const apps = (app === undefined ? this.#dirs.apps() : [app]).filter(canRead)
    const keys = apps.flatMap((each) =>
      this.#dirs.versionsOf(each).map((one) => ({ app: each, version: one })),
    )
    return keys
      .filter((key) => version === undefined || key.version === version)
      .map((key) => segmentSource(this.#segmentsOf(key), key, this.#options.node))
  }

  subscribe(listener: FeedListener): () => void {
    if (this.#stop.signal.aborted) listener.end()
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What apps have written, the oldest first. */
  query(query: StoreQuery): AsyncGenerator<LogAnswer> {
    return readFeeds([this], query).answers
  }

  /** Idempotent. Instances may go on writing; the next `open` takes that in. */
  async close(): Promise<void> {
    this.#stop.abort()
    const collectors = [...this.#collectors.values()]
    this.#collectors.clear()
    await Promise.all(collectors.map((collector) => collector.close()))
    for (const listener of this.#listeners) listener.end()
  }

  #segmentsOf(key: InstanceKey): Collector['segments'] {
    return this.#collectorOf(key).segments
  }

  #collectorOf(key: InstanceKey): Collector {
    const name = formatInstance(key)
    const known = this.#collectors.get(name)
    if (known !== undefined) return known
    const { app, version } = key
    const collector = new Collector({
      ...this.#options,
      key,
      logger: this.#options.logger.child({ app, version }),
      dir: this.#dirs.of(key),
      rollBytes: this.#rollBytes,
      patterns: this.#options.redact,
      puncher: this.#puncher,
      onLines: (lines) => {
        this.#age.look()
        this.#tell(key, lines)
      },
      onRoll: () => {
        this.#retain(key.app)
      },
    })
    this.#collectors.set(name, collector)
    return collector
  }

  #tell(key: InstanceKey, lines: readonly StoredLine[]): void {
    if (this.#listeners.size === 0) return
    const { instance } = this.#segmentsOf(key)
    const entries = lines.map((line) =>
      entryOfStored(line, { ...key, instance }, this.#options.node),
    )
    for (const listener of this.#listeners) listener.push(entries)
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options
    for (let waitMs = FIRST_SWEEP_MS; ; waitMs = SWEEP_MS) {
      try {
        await clock.sleep(waitMs, signal)
        for (const app of this.#dirs.apps()) {
          this.#retain(app)
          await clock.sleep(0, signal)
        }
      } catch (error) {
        if (signal.aborted) return
        logger.error('log-sweep-failed', { error: errorMessage(error) })
      }
    }
  }

  /** Never throws: what was to be stored is stored, and the next roll or sweep tries again. */
  #retain(app: string): void {
    const { logger, maxBytesPerApp } = this.#options
    const { maxUnshippedBytesPerApp = 2 * maxBytesPerApp } = this.#options
    // The newest segment grows by one roll before anybody looks again.
    const limits = {
      maxBytes: maxBytesPerApp - this.#rollBytes,
      maxUnshippedBytes: maxUnshippedBytesPerApp - this.#rollBytes,
      isTooOld: (timeMs: number) => this.#age.isPast(timeMs),
    }
    const fail = (error: unknown): void => {
      logger.error('log-retention-failed', { app, error: errorMessage(error) })
    }
    try {
      const logs = this.#dirs.versionsOf(app).flatMap((version) => {
        try {
          return this.#retained({ app, version })
        } catch (error) {
          // The caps are kept with the others, which need not suffer for it.
          fail(error)
          return []
        }
      })
      try {
        retain(app, logs, { limits, logger })
      } finally {
        for (const { version } of logs) void this.#collectorOf({ app, version }).closeIdle()
      }
    } catch (error) {
      fail(error)
    }
  }

  #retained(key: InstanceKey): RetainedLog {
    const segments = this.#segmentsOf(key)
    const neededFrom = this.#claims?.neededFrom(formatInstance(key), segments.instance)
    return retainedLog(segments, neededFrom ?? Infinity)
  }
}
