import { existsSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { errorMessage, ignoreAbort } from '@p2p-playground/core'
import type { Clock, InstanceKey, Logger } from '@p2p-playground/core'
import type { HookStream, RawOffsets, RawStream, StoredLine } from './frame.js'
import { GroupCommit } from './group-commit.js'
import type { HolePuncher } from './hole-puncher.js'
import { hookBatches } from './hook-lines.js'
import { RawOutput, rawPaths } from './raw-output.js'
import { createRedactor, secretTexts } from './redact.js'
import { Segments } from './segments.js'
import type { SegmentOptions } from './segments.js'

/** Should a notification of the file system get lost. */
const POLL_MS = 1000
/** Where the file system gives no notifications. */
const POLL_UNWATCHED_MS = 100
/** The daemon has other work: after that long, lines that are left wait for the next turn. */
const SLICE_MS = 10

export interface CollectorOptions {
  readonly key: InstanceKey
  readonly node: string
  readonly dir: string
  readonly rollBytes: number
  readonly patterns: readonly RegExp[]
  readonly clock: Clock
  readonly logger: Logger
  readonly puncher: HolePuncher
  readonly onLines: (lines: readonly StoredLine[]) => void
  readonly onRoll: () => void
}

/** What there is while an instance's output is being collected. */
interface Collecting {
  readonly raw: RawOutput
  readonly commit: GroupCommit
  readonly stop: AbortController
  readonly watcher: FSWatcher | undefined
}

/** Carries what one instance writes from its raw files into segments, and tells who follows. */
export class Collector {
  readonly stdoutPath: string
  readonly stderrPath: string
  readonly #options: CollectorOptions
  readonly #rawDir: string
  readonly #segmentOptions: SegmentOptions
  #segments: Segments
  #redact: (line: string) => string
  #collecting: Collecting | undefined
  /** Hooks whose lines are not on the disk yet. */
  #appending = 0
  #isDue = false
  #isFailing = false

  constructor(options: CollectorOptions) {
    this.#options = options
    this.#rawDir = join(options.dir, 'raw')
    const { stdout, stderr } = rawPaths(this.#rawDir)
    this.stdoutPath = stdout
    this.stderrPath = stderr
    this.#redact = createRedactor([], options.patterns)
    this.#segmentOptions = { ...options, dir: join(options.dir, 'segments') }
    this.#segments = new Segments(this.#segmentOptions)
  }

  get segments(): Segments {
    return this.#segments
  }

  /** Begins to collect; idempotent. */
  open(secrets: readonly string[]): void {
    this.#redact = createRedactor(secrets, this.#options.patterns)
    this.#collecting ??= this.#begin()
    const { raw, stop } = this.#collecting
    raw.keepWhole(secretTexts(secrets))
    this.#collect(stop.signal)
  }

  /**
   * The instance has ended: takes in all that it wrote, a last line without its end too, and empties the raw files. What
   * cannot be stored stays in them for the next `open`.
   */
  async finish(): Promise<void> {
    const collecting = this.#collecting
    if (collecting === undefined) return
    const { raw } = collecting
    // What is written after the end, by a process that outlived it, is for the next `open`.
    const limit = raw.sizes()
    while (!this.#drain(raw, { flush: true, limit })) await nextTurn()
    if (this.#collecting !== collecting) return
    try {
      if (!this.#isFailing) this.#emptyRaw(raw)
    } catch (error) {
      this.#fail(error)
    }
    await this.#release(collecting)
  }

  /** Stores what a hook of the instance wrote; it is on the disk when this resolves. */
  async append(stream: HookStream, lines: readonly string[]): Promise<void> {
    const timeMs = this.#options.clock.now()
    this.#appending += 1
    try {
      for (const batch of hookBatches(lines.map((line) => this.#redact(line)))) {
        const { nextSeq, offsets } = this.segments
        const stored = batch.map((part, index): StoredLine => ({
          timeMs,
          stream,
          seq: nextSeq + index,
          ...part,
        }))
        this.segments.append({ offsets, lines: stored })
        this.#options.onLines(stored)
      }
      await this.segments.sync()
    } finally {
      this.#appending -= 1
      await this.closeIdle()
    }
  }

  /** Closes the segments where nothing is being stored. Never rejects. */
  async closeIdle(): Promise<void> {
    if (this.#collecting === undefined && this.#appending === 0) await this.segments.close()
  }

  /** The daemon ends, or the log goes; the instance may go on writing. Never rejects: what the disk refuses is logged. */
  async close(): Promise<void> {
    const { dir, logger } = this.#options
    const collecting = this.#collecting
    try {
      if (collecting !== undefined) {
        this.#drain(collecting.raw, { flush: false })
        await this.#release(collecting)
      }
      this.segments.syncNow()
    } catch (error) {
      logger.error('log-close-failed', { dir, error: errorMessage(error) })
    }
    await this.segments.close()
  }

  #begin(): Collecting {
    const { clock, dir, logger, puncher } = this.#options
    // Somebody deleted them: another life of the log begins.
    if (!existsSync(this.#segmentOptions.dir)) {
      void this.#segments.close()
      this.#segments = new Segments(this.#segmentOptions)
    }
    const raw = new RawOutput(this.#rawDir, this.segments.offsets)
    const stop = new AbortController()
    const watcher = this.#watch(stop.signal)
    const commit = new GroupCommit({
      clock,
      commit: async () => {
        await this.segments.sync()
        if (!stop.signal.aborted) await raw.free(this.segments.syncedOffsets, puncher)
      },
      onError: (error) => {
        logger.error('log-sync-failed', { dir, error: errorMessage(error) })
      },
    })
    const everyMs = watcher === undefined ? POLL_UNWATCHED_MS : POLL_MS
    this.#poll(everyMs, stop.signal).catch(ignoreAbort(stop.signal))
    return { raw, commit, stop, watcher }
  }

  /** Resolves when no commit is under way any more. */
  async #release({ raw, commit, stop, watcher }: Collecting): Promise<void> {
    this.#collecting = undefined
    stop.abort()
    watcher?.close()
    raw.close()
    await commit.close()
  }

  #watch(signal: AbortSignal): FSWatcher | undefined {
    const dir = this.#rawDir
    const report = (error: unknown): void => {
      this.#options.logger.warn('log-watch-failed', { dir, error: errorMessage(error) })
    }
    try {
      return watch(dir, () => {
        this.#collectSoon(signal)
      }).on('error', report)
    } catch (error) {
      // Such as no inotify watches left on this machine: looking often must do.
      report(error)
      return undefined
    }
  }

  async #poll(everyMs: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(everyMs, signal)
      this.#collect(signal)
    }
  }

  /** Once for all the notifications of one turn. */
  #collectSoon(signal: AbortSignal): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      this.#collect(signal)
    })
  }

  /** Never throws: what fails is tried again with the next look. */
  #collect(signal: AbortSignal): void {
    const collecting = this.#collecting
    if (collecting === undefined || signal.aborted) return
    if (!this.#drain(collecting.raw, { flush: false })) this.#collectSoon(signal)
  }

  /** Takes in lines for a slice of time; true when none is left that can be had now. */
  #drain(
    raw: RawOutput,
    { flush, limit }: { readonly flush: boolean; readonly limit?: RawOffsets },
  ): boolean {
    const { clock, dir, logger } = this.#options
    try {
      if (raw.restartEmptied()) {
        logger.warn('log-raw-emptied', { dir, effect: 'collecting goes on at its beginning' })
      }
      const untilMs = clock.monotonic() + SLICE_MS
      do {
        const isPast = limit !== undefined && raw.isPast(limit)
        if (isPast || !this.#step(raw, flush)) {
          this.#recovered()
          return true
        }
      } while (clock.monotonic() < untilMs)
      return false
    } catch (error) {
      this.#fail(error)
      return true
    }
  }

  /** One look at both files; false when there was no line. */
  #step(raw: RawOutput, flush: boolean): boolean {
    // A frame that is much larger than a segment would push out more than the cap asks for.
    const found = raw.peek(flush, this.#options.rollBytes)
    if (found.stdout.lines.length + found.stderr.lines.length === 0) return false
    const timeMs = this.#options.clock.now()
    let seq = this.segments.nextSeq
    const store = (stream: RawStream): StoredLine[] =>
      found[stream].lines.map(({ line, cut }) => ({
        timeMs,
        stream,
        seq: seq++,
        line: this.#redact(line),
        ...(cut ? { cut } : {}),
      }))
    const lines = [...store('stdout'), ...store('stderr')]
    const offsets = { stdout: found.stdout.end, stderr: found.stderr.end }
    this.segments.append({ offsets, lines })
    raw.advance(offsets)
    this.#collecting?.commit.want()
    this.#options.onLines(lines)
    return true
  }

  #emptyRaw(raw: RawOutput): void {
    if (!raw.isAtEnd()) return
    this.segments.syncNow()
    raw.empty()
    this.segments.resetOffsets()
  }

  /** The lines are still in the raw file; the next look takes them. Said once until it goes well again. */
  #fail(error: unknown): void {
    const { dir, logger } = this.#options
    if (!this.#isFailing) logger.error('log-collect-failed', { dir, error: errorMessage(error) })
    this.#isFailing = true
  }

  #recovered(): void {
    const { dir, logger } = this.#options
    if (this.#isFailing) logger.info('log-collect-recovered', { dir })
    this.#isFailing = false
  }
}
