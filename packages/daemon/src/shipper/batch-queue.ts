import { errorMessage } from '@p2p-playground/core'
import type { Clock, LogEntry, Logger } from '@p2p-playground/core'
import { Backlog } from './backlog.js'
import { linesOf, readBatch } from './batch-reader.js'
import type { BatchLimits, ReadBatch } from './batch-reader.js'
import { EMPTY_LEDGER, Ledger, keyOf } from './ledger.js'
import type { FrozenBatch, LedgerContent, SourceLife } from './ledger.js'
import type { SourceCatalog } from './source-catalog.js'
import { Tally } from './tally.js'

/** Before a source that could not be read is asked again. */
const SOURCE_RETRY_MS = 5000

/** A frozen batch with its lines. */
export interface Job {
  readonly batch: FrozenBatch
  readonly entries: readonly LogEntry[]
  /** Of the lines' text, in UTF-8. */
  readonly bytes: number
}

export interface BatchQueueOptions {
  readonly catalog: SourceCatalog
  readonly clock: Clock
  readonly logger: Logger
  /** What the daemon before left; undefined for a sink that is new. */
  readonly content: LedgerContent | undefined
  /** `lingerMs`: a line waits that long for others. */
  readonly limits: BatchLimits & { readonly lingerMs: number }
  /** Lines wait long, since each batch costs something: what fills one goes at once, what fills none does not. */
  readonly isPatient: boolean
}

/**
 * What a sink is to get next: batches that were frozen before, and new ones out of what sources have, each source in turn. Holds
 * the lines of one batch in memory.
 */
export class BatchQueue {
  readonly ledger: Ledger
  readonly #options: BatchQueueOptions
  readonly #backlog: Backlog
  readonly #lost: Tally<string>
  /** Reads that failed. */
  readonly #failed: Tally<string>
  /** Lives whose log is gone or about to go. */
  readonly #retired = new Set<string>()
  /** Those of them whose cursors are no longer of use. */
  #gone: SourceLife[] = []
  #held: Job | undefined

  constructor(options: BatchQueueOptions) {
    const { clock, logger, content, limits } = options
    this.#options = options
    this.ledger = new Ledger(content ?? EMPTY_LEDGER)
    this.#backlog = new Backlog(limits)
    this.#lost = new Tally({
      clock,
      tell: (lines, source) => {
        logger.warn('log-sink-lines-lost', { lines, source })
      },
    })
    this.#failed = new Tally({
      clock,
      tell: (times, error) => {
        logger.error('log-sink-source-failed', { times, error })
      },
    })
    this.#begin()
  }

  /** Lines were stored; true when that may make something due. */
  add(
    life: SourceLife,
    lines: { readonly headSeq: number; readonly timeMs: number | null },
  ): boolean {
    if (this.#retired.has(keyOf(life))) return false
    const isNews = this.#backlog.add(life, lines, this.#nowMs())
    const { isPatient, limits } = this.#options
    const isFull = isPatient && lines.headSeq - this.ledger.cursorOf(life) >= limits.maxLines
    if (isFull) this.#backlog.hurry(life)
    return isNews || isFull
  }

  /** The batch whose turn it is; undefined when none is due. The ledger is to be saved before it is tried. */
  async next(): Promise<Job | undefined> {
    this.#lost.tick()
    this.#failed.tick()
    for (const life of this.#backlog.lives()) {
      const job = await this.#of(life)
      if (job === undefined) continue
      this.#held = job
      this.#backlog.served(life)
      return job
    }
    return undefined
  }

  /** A source that cannot be read is no reason to keep others waiting. */
  async #of(life: SourceLife): Promise<Job | undefined> {
    try {
      return (await this.#again(life)) ?? (await this.#fresh(life))
    } catch (error) {
      this.#failed.add(1, `${life.source}: ${errorMessage(error)}`)
      this.#backlog.postpone(life, this.#nowMs() + SOURCE_RETRY_MS)
      return undefined
    }
  }

  /** A batch needs its lines no more. */
  release(): void {
    this.#held = undefined
  }

  /** Nothing comes any more. */
  close(): void {
    this.#lost.tick(true)
    this.#failed.tick(true)
  }

  /** What is there is due, without waiting for more. */
  hurry(life?: SourceLife): void {
    this.#backlog.hurry(life)
  }

  /** Until something is due; Infinity when nothing waits. */
  waitMs(): number {
    return this.#backlog.waitMs(this.#nowMs())
  }

  isEmpty(): boolean {
    return this.ledger.frozen.length === 0 && this.waitMs() === Infinity
  }

  /** Of the first line of a life that is not done with; Infinity when it is over. */
  neededFrom(life: SourceLife): number {
    return this.#retired.has(keyOf(life)) ? Infinity : this.ledger.neededFrom(life)
  }

  lag(): { readonly lagLines: number; readonly oldestMs: number | null } {
    const { frozen } = this.ledger
    let lagLines = 0
    let oldestMs = this.#backlog.oldestMs() ?? Infinity
    for (const { lines, timeMs } of frozen) {
      lagLines += lines
      oldestMs = Math.min(oldestMs, timeMs)
    }
    for (const life of this.#backlog.lives()) {
      if (this.#retired.has(keyOf(life))) continue
      lagLines += Math.max(0, this.#backlog.headOf(life) - this.ledger.cursorOf(life))
    }
    return { lagLines, oldestMs: oldestMs === Infinity ? null : oldestMs }
  }

  /**
   * The log of a life is about to go; what is in no batch up to its last line is lost. Its cursor stays until that has happened,
   * for the next daemon may find the log again.
   */
  retire(life: SourceLife, lastSeq: number): void {
    for (const gone of this.#gone) this.ledger.forget(gone)
    this.#gone = []
    const lines = lastSeq - this.ledger.cursorOf(life)
    if (lines > 0) this.ledger.skip(life, lastSeq)
    this.#tellLost(life, lines)
    this.#retired.add(keyOf(life))
    this.#backlog.drop(life)
    // What is in memory can still be shipped; it must not lose its turn.
    if (this.ledger.frozenOf(life) !== undefined) {
      this.#backlog.add(life, { headSeq: 0, timeMs: null }, this.#nowMs())
    }
  }

  /** The log of a source goes now. */
  removed(source: string): void {
    const lives = this.ledger.content.cursors.filter((cursor) => cursor.source === source)
    this.#gone.push(...lives.filter((life) => this.#retired.has(keyOf(life))))
  }

  #begin(): void {
    const isNew = this.#options.content === undefined
    this.ledger.isDirty = isNew
    const there = new Set<string>()
    for (const found of this.#options.catalog.list()) {
      const life = { source: found.name, instance: found.instance }
      there.add(keyOf(life))
      const chunks = found.chunks()
      // What was dropped before anybody named the sink is not lost to it.
      if (isNew) this.ledger.setCursor(life, (chunks[0]?.firstSeq ?? found.nextSeq) - 1)
      if (this.ledger.cursorOf(life) >= found.nextSeq) this.#beginAnew(life)
      const cursorSeq = this.ledger.cursorOf(life)
      const first = chunks.findLast(({ firstSeq }) => firstSeq <= cursorSeq + 1)
      const timeMs = first?.range?.minMs ?? null
      this.add(life, { headSeq: found.nextSeq - 1, timeMs })
      this.#backlog.taken(life, { cursorSeq, isFull: false, timeMs }, this.#nowMs())
    }
    // Batches of logs that are gone have their turn too, so that they are counted.
    for (const batch of this.ledger.frozen) this.add(batch, { headSeq: 0, timeMs: null })
    for (const cursor of this.ledger.content.cursors) {
      if (!there.has(keyOf(cursor))) this.ledger.forget(cursor)
    }
  }

  /** A log that cannot be removed is shorter than it was: somebody deleted its files. Its numbers mean other lines now. */
  #beginAnew(life: SourceLife): void {
    this.#options.logger.warn('log-sink-source-anew', { source: life.source })
    this.ledger.setCursor(life, 0)
    for (const batch of this.ledger.frozen) {
      if (keyOf(batch) !== keyOf(life)) continue
      this.ledger.split(batch, [])
      this.#tellLost(life, batch.lines)
    }
  }

  /** Makes a batch of what comes next in a source, if that is due. */
  async #fresh(life: SourceLife): Promise<Job | undefined> {
    const { catalog, clock, limits } = this.#options
    if (!this.#backlog.isDue(life, this.#nowMs())) return undefined
    if (this.#retired.has(keyOf(life))) {
      this.#backlog.drop(life)
      return undefined
    }
    const source = catalog.find(life.source)
    if (source?.instance !== life.instance) {
      this.retire(life, this.#backlog.headOf(life))
      return undefined
    }
    const lastSeq = source.nextSeq - 1
    // A number that a power cut could give to another line must not be shipped.
    await source.sync()
    const firstSeq = this.ledger.cursorOf(life) + 1
    const read = await readBatch(source, { firstSeq, lastSeq, ...limits }, clock)
    if (this.#retired.has(keyOf(life))) return undefined
    const lines = linesOf(read.entries)
    const cursorSeq = lines?.lastSeq ?? lastSeq
    this.#tellLost(life, cursorSeq - firstSeq + 1 - (lines?.lines ?? 0))
    const isFull = read.isFull && !this.#isRest(read, lastSeq - cursorSeq)
    const timeMs = read.entries.at(-1)?.timeMs ?? null
    this.#backlog.taken(life, { cursorSeq, isFull, timeMs }, this.#nowMs())
    if (lines !== undefined) return { batch: this.ledger.freeze(life, lines), ...read }
    this.ledger.skip(life, lastSeq)
    return undefined
  }

  /** Whether the lines behind a batch are to wait until they fill one too; a batch of long lines says nothing of that. */
  #isRest({ entries }: ReadBatch, left: number): boolean {
    const { isPatient, limits } = this.#options
    return isPatient && entries.length === limits.maxLines && left < limits.maxLines
  }

  /** Finds the lines of the oldest frozen batch again. Should some be gone, the rest is another batch. */
  async #again(life: SourceLife): Promise<Job | undefined> {
    for (;;) {
      const batch = this.ledger.frozenOf(life)
      if (batch === undefined) return undefined
      if (this.#held?.batch.id === batch.id) return this.#held
      const read = await this.#reread(batch)
      if (read.entries.length === batch.lines) return { batch, ...read }
      this.#tellLost(batch, batch.lines - read.entries.length)
      const rest = linesOf(read.entries)
      const [smaller] = this.ledger.split(batch, rest === undefined ? [] : [rest])
      if (smaller !== undefined) return { batch: smaller, ...read }
    }
  }

  async #reread(batch: FrozenBatch): Promise<ReadBatch> {
    const none = { entries: [], bytes: 0, isFull: false }
    if (this.#retired.has(keyOf(batch))) return none
    const source = this.#options.catalog.find(batch.source)
    if (source?.instance !== batch.instance) return none
    const range = { ...batch, maxLines: Infinity, maxBytes: Infinity }
    return readBatch(source, range, this.#options.clock)
  }

  #tellLost({ source }: SourceLife, lines: number): void {
    if (lines > 0) this.#lost.add(lines, source)
  }

  #nowMs(): number {
    return this.#options.clock.monotonic()
  }
}
