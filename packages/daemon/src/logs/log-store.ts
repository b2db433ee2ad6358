import { existsSync, readdirSync } from 'node:fs'
import { rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, errorMessage, formatInstance, systemCode } from '@p2p-playground/core'
import type { Clock, InstanceKey, LogEntry, Logger } from '@p2p-playground/core'
import { Collector } from './collector.js'
import { Follower } from './follower.js'
import type { StoredLine } from './frame.js'
import { HolePuncher } from './hole-puncher.js'
import type { StoreQuery } from './log-query.js'
import { readLogs } from './log-reader.js'
import { retain } from './retention.js'

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
export class LogStore {
  readonly #options: LogStoreOptions
  readonly #rollBytes: number
  readonly #puncher: HolePuncher
  readonly #collectors = new Map<string, Collector>()
  readonly #followers = new Set<Follower>()
  readonly #stop = new AbortController()

  constructor(options: LogStoreOptions) {
    this.#options = options
    this.#rollBytes = Math.min(MAX_ROLL_BYTES, Math.ceil(options.maxBytesPerApp / SEGMENTS_PER_APP))
    this.#puncher = new HolePuncher(options)
    void this.#sweep(this.#stop.signal)
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

  /** Deletes the logs of an instance, or of all versions of an app. */
  async remove(app: string, version?: string): Promise<void> {
    for (const each of version === undefined ? this.#versionsOf(app) : [version]) {
      const key = { app, version: each }
      const dir = this.#dirOf(key)
      const name = formatInstance(key)
      await this.#collectors.get(name)?.close()
      this.#collectors.delete(name)
      for (const follower of this.#followers) follower.forget(app, each)
      await rm(dir, { recursive: true, force: true })
    }
    await removeIfEmpty(join(this.#options.rootDir, app))
  }

  /** Lines of an app that are gone because of the caps of size and age, per version. */
  dropped(app: string): Readonly<Record<string, number>> {
    const logs = this.#logsOf({ app })
    return Object.fromEntries(logs.map((log) => [log.version, log.droppedLines]))
  }

  /** Stored entries in batches, the oldest first. */
  async *query(query: StoreQuery): AsyncGenerator<LogEntry[]> {
    yield* readLogs(this.#logsOf(query), query, this.#options.node).batches
  }

  /**
   * Stored entries, then new ones as they come, without gap or repeat between them, also of versions that start later. Ends when
   * `signal` aborts or the store is closed.
   */
  async *follow(query: StoreQuery, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    if (this.#stop.signal.aborted) return
    const follower = new Follower(query, (part) =>
      readLogs(this.#logsOf(part), part, this.#options.node),
    )
    this.#followers.add(follower)
    try {
      yield* follower.entries(signal)
    } finally {
      this.#followers.delete(follower)
    }
  }

  /** Idempotent. Instances may go on writing; the next `open` takes that in. */
  async close(): Promise<void> {
    this.#stop.abort()
    const collectors = [...this.#collectors.values()]
    this.#collectors.clear()
    await Promise.all(collectors.map((collector) => collector.close()))
    for (const follower of this.#followers) follower.end()
  }

  #logsOf(query: StoreQuery): readonly Collector['segments'][] {
    return this.#versionsOf(query.app)
      .filter((version) => query.version === undefined || version === query.version)
      .map((version) => this.#collectorOf({ app: query.app, version }).segments)
  }

  #versionsOf(app: string): string[] {
    const dir = join(this.#options.rootDir, app)
    if (!isName(app) || !existsSync(dir)) return []
    return namesIn(dir).filter((version) => existsSync(join(dir, version, 'segments')))
  }

  #collectorOf(key: InstanceKey): Collector {
    const name = formatInstance(key)
    const known = this.#collectors.get(name)
    if (known !== undefined) return known
    const collector = new Collector({
      ...this.#options,
      key,
      dir: this.#dirOf(key),
      rollBytes: this.#rollBytes,
      patterns: this.#options.redact,
      puncher: this.#puncher,
      onLines: (lines) => {
        this.#tell(key, lines)
      },
      onRoll: () => {
        this.#retain(key.app)
      },
    })
    this.#collectors.set(name, collector)
    return collector
  }

  #tell({ app, version }: InstanceKey, lines: readonly StoredLine[]): void {
    if (this.#followers.size === 0) return
    const { node } = this.#options
    const entries = lines.map((line) => ({ ...line, node, app, version }))
    for (const follower of this.#followers) follower.push(entries)
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { clock, rootDir, logger } = this.#options
    try {
      for (let waitMs = FIRST_SWEEP_MS; ; waitMs = SWEEP_MS) {
        await clock.sleep(waitMs, signal)
        for (const app of existsSync(rootDir) ? namesIn(rootDir) : []) {
          this.#retain(app)
          await clock.sleep(0, signal)
        }
      }
    } catch (error) {
      if (!signal.aborted) logger.error('log-sweep-failed', { error: errorMessage(error) })
    }
  }

  #retain(app: string): void {
    const { clock, logger, maxBytesPerApp, maxAgeMs } = this.#options
    // The newest segment grows by one roll before anybody looks again.
    const limits = { maxBytes: maxBytesPerApp - this.#rollBytes, maxAgeMs }
    try {
      retain(app, this.#logsOf({ app }), { limits, nowMs: clock.now(), logger })
    } catch (error) {
      // What was to be stored is stored; the next roll or sweep tries again.
      logger.error('log-retention-failed', { app, error: errorMessage(error) })
    }
    for (const version of this.#versionsOf(app)) {
      const collector = this.#collectorOf({ app, version })
      if (!collector.isOpen) void collector.segments.close()
    }
  }

  /** @throws INTERNAL for what cannot be the name of an app or a version. */
  #dirOf(key: InstanceKey): string {
    if (!isName(key.app) || !isName(key.version)) {
      throw new PlaygroundError('INTERNAL', `"${formatInstance(key)}" cannot have a log`)
    }
    return join(this.#options.rootDir, key.app, key.version)
  }
}

/** Letters, digits, `.`, `+` and `-`, as in names and semver: nothing that leads elsewhere on the disk. */
function isName(text: string): boolean {
  return /^[0-9A-Za-z][0-9A-Za-z.+-]{0,250}$/.test(text)
}

function namesIn(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && isName(entry.name))
    .map((entry) => entry.name)
}

async function removeIfEmpty(dir: string): Promise<void> {
  try {
    await rmdir(dir)
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'EEXIST') throw error
  }
}
