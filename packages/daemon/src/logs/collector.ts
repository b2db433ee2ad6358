import { closeSync, mkdirSync, openSync, statSync, truncateSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { join } from 'node:path'
import { errorMessage } from '@p2p-playground/core'
import type { Clock, InstanceKey, LogEntry, Logger } from '@p2p-playground/core'
import type { StoredLine } from './frame.js'
import { RawReader } from './raw-reader.js'
import { createRedactor } from './redact.js'
import { Segments } from './segments.js'

/** Should a notification of the file system get lost. */
const POLL_MS = 1000

export interface CollectorOptions {
  readonly key: InstanceKey
  readonly node: string
  readonly dir: string
  readonly maxBytes: number
  readonly maxAgeMs: number
  readonly patterns: readonly RegExp[]
  readonly clock: Clock
  readonly logger: Logger
  readonly onEntries: (entries: readonly LogEntry[]) => void
}

/** Carries what one instance writes from its raw files into segments, and tells who follows. */
export class Collector {
  readonly segments: Segments
  readonly stdoutPath: string
  readonly stderrPath: string
  readonly #options: CollectorOptions
  #redact: (line: string) => string
  #readers: { readonly stdout: RawReader; readonly stderr: RawReader } | undefined
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: CollectorOptions) {
    this.#options = options
    const raw = join(options.dir, 'raw')
    this.stdoutPath = join(raw, 'stdout')
    this.stderrPath = join(raw, 'stderr')
    this.#redact = createRedactor([], options.patterns)
    this.segments = new Segments({ ...options, dir: join(options.dir, 'segments') })
  }

  /** Begins to collect; idempotent. */
  open(secrets: readonly string[]): void {
    this.#redact = createRedactor(secrets, this.#options.patterns)
    if (this.#readers !== undefined) return
    const raw = join(this.#options.dir, 'raw')
    mkdirSync(raw, { recursive: true, mode: 0o700 })
    for (const path of [this.stdoutPath, this.stderrPath]) closeSync(openSync(path, 'a', 0o600))
    const { offsets } = this.segments
    this.#readers = {
      stdout: new RawReader(this.stdoutPath, startOf(this.stdoutPath, offsets.stdout)),
      stderr: new RawReader(this.stderrPath, startOf(this.stderrPath, offsets.stderr)),
    }
    this.#watcher = watch(raw, () => {
      this.#collect(false)
    })
    this.#watcher.on('error', (error) => {
      this.#options.logger.warn('log-watch-failed', { error: errorMessage(error) })
    })
    this.#timer = setInterval(() => {
      this.#collect(false)
      this.segments.sync()
    }, POLL_MS)
    this.#timer.unref()
    this.#collect(false)
  }

  /** The instance has ended: takes in all that is left, and empties the raw files. */
  finish(): void {
    if (this.#readers === undefined) return
    this.#collect(true)
    this.#release()
    for (const path of [this.stdoutPath, this.stderrPath]) truncateSync(path)
    this.segments.resetOffsets(this.#options.clock.now())
  }

  /** The daemon ends; the instance may go on writing. */
  close(): void {
    if (this.#readers !== undefined) this.#collect(false)
    this.#release()
    this.segments.close()
  }

  #release(): void {
    clearInterval(this.#timer)
    this.#watcher?.close()
    this.#readers?.stdout.close()
    this.#readers?.stderr.close()
    this.#readers = undefined
  }

  #collect(flush: boolean): void {
    const readers = this.#readers
    if (readers === undefined) return
    try {
      for (;;) {
        const stdout = readers.stdout.read(flush)
        const stderr = readers.stderr.read(flush)
        if (stdout.length === 0 && stderr.length === 0) return
        this.#store(stdout, stderr, readers)
      }
    } catch (error) {
      // The lines are still in the raw file; the next look takes them.
      this.#options.logger.error('log-collect-failed', {
        dir: this.#options.dir,
        error: errorMessage(error),
      })
    }
  }

  #store(
    stdout: readonly string[],
    stderr: readonly string[],
    readers: { readonly stdout: RawReader; readonly stderr: RawReader },
  ): void {
    const { clock, key, node } = this.#options
    const timeMs = clock.now()
    let seq = this.segments.nextSeq
    const store =
      (stream: StoredLine['stream']) =>
      (line: string): StoredLine => {
        const stored = { timeMs, stream, seq, line: this.#redact(line) }
        seq += 1
        return stored
      }
    const lines = [...stdout.map(store('stdout')), ...stderr.map(store('stderr'))]
    const offsets = { stdout: readers.stdout.offset, stderr: readers.stderr.offset }
    this.segments.append({ offsets, lines }, timeMs)
    this.#options.onEntries(
      lines.map((line) => ({ ...line, node, app: key.app, version: key.version })),
    )
  }
}

/** A raw file shorter than what was read of it was emptied by a `finish` that a crash cut short. */
function startOf(path: string, offset: number): number {
  return statSync(path).size < offset ? 0 : offset
}
