import { errorMessage } from '@p2p-playground/core'
import type { Clock, LogEntry, LogKind, LogSink, LogSinkStatus, Logger } from '@p2p-playground/core'
import { Bell } from '../engine/bell.js'
import type { FeedListener } from '../logs/log-feed.js'
import { Backlog } from './backlog.js'
import { linesOf, readBatch } from './batch-reader.js'
import type { BatchLimits, ReadBatch } from './batch-reader.js'
import type { DeadLetters } from './dead-letters.js'
import { EMPTY_LEDGER, Ledger, keyOf } from './ledger.js'
import type { FrozenBatch, LedgerContent, SourceLife } from './ledger.js'
import type { LedgerStore } from './ledger-file.js'
import type { Random } from './retry-delay.js'
import { SinkHealth } from './sink-health.js'
import { lifeOf } from './source-catalog.js'
import type { SourceCatalog } from './source-catalog.js'
import { Tally } from './tally.js'
import { writeOnce } from './write-attempt.js'

export interface ShipperLimits extends BatchLimits {
  /** A line waits that long for others. */
  readonly lingerMs: number
  /** For one try. */
  readonly writeMs: number
  /** For what is left when the daemon stops or a log is removed. */
  readonly drainMs: number
}

const LIMITS: ShipperLimits = {
  maxLines: 5000,
  maxBytes: 1024 * 1024,
  lingerMs: 500,
  writeMs: 30_000,
  drainMs: 2000,
}

export interface ShipperOptions {
  readonly name: string
  readonly kinds: readonly LogKind[]
  readonly sink: LogSink
  readonly catalog: SourceCatalog
  readonly store: LedgerStore
  readonly deadLetters: DeadLetters
  readonly clock: Clock
  /** Says which sink in each line. */
  readonly logger: Logger
  readonly random: Random
  /** The sink takes nothing from us, with the reason; or takes again, null. Once a change, over restarts too. */
  readonly onPause: (reason: string | null) => void
  readonly limits?: Partial<ShipperLimits>
}

/** A batch that is on the disk as such, with its lines. */
interface Job {
  readonly batch: FrozenBatch
  readonly entries: readonly LogEntry[]
  readonly bytes: number
}

/**
 * Ships what a node logs to one sink: one batch at a time, of one source each, the sources in turn. A batch is noted before it is
 * first tried and stays as it is until the sink has it, refuses it for good, or its lines are gone. Holds no more than one in
 * memory.
 */
export class Shipper implements FeedListener {
  readonly #options: ShipperOptions
  readonly #limits: ShipperLimits
  readonly #ledger: Ledger
  readonly #backlog: Backlog
  readonly #health: SinkHealth
  readonly #lost: Tally<string>
  readonly #dead: Tally<string>
  /** Rings when there may be something to do. */
  readonly #work = new Bell()
  /** Rings when something was done, or could not be. */
  readonly #progress = new Bell()
  readonly #stop = new AbortController()
  /** Lives whose log is gone or about to go. */
  readonly #retired = new Set<string>()
  #held: Job | undefined
  #saving: Promise<void> | undefined
  #running: Promise<void> | undefined
  #unsubscribe: () => void = () => undefined

  private constructor(options: ShipperOptions, content: LedgerContent) {
    const { clock, logger } = options
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#ledger = new Ledger(content)
    this.#backlog = new Backlog(this.#limits)
    this.#health = new SinkHealth({
      ...options,
      wasPaused: content.isPaused,
      onPause: (reason) => {
        this.#ledger.paused(reason !== null)
        options.onPause(reason)
      },
    })
    this.#lost = new Tally({
      clock,
      tell: (lines, source) => {
        logger.warn('log-sink-lines-lost', { lines, source })
      },
    })
    this.#dead = new Tally({
      clock,
      tell: (lines, error) => {
        logger.warn('log-sink-lines-refused', { lines, error })
      },
    })
  }

  /** Goes on where the daemon before was; a sink that is new gets all that is kept. */
  static async start(options: ShipperOptions): Promise<Shipper> {
    const content = await options.store.load()
    const shipper = new Shipper(options, content ?? EMPTY_LEDGER)
    shipper.#begin(content === undefined)
    // From now on whatever goes unshipped is a loss. If the disk refuses that, the first batch is told so too.
    await shipper.#save().catch(() => undefined)
    return shipper
  }

  get kinds(): readonly LogKind[] {
    return this.#options.kinds
  }

  /** Ships what is there if the sink takes it soon, then ends. Idempotent. */
  async stop(): Promise<void> {
    this.#backlog.hurry()
    this.#work.ring()
    if (!this.#stop.signal.aborted) await this.#drained(() => this.#isIdle())
    this.#stop.abort()
    this.#work.ring()
    this.#unsubscribe()
    await this.#running
  }

  push(entries: readonly LogEntry[]): void {
    const [first] = entries
    const last = entries.at(-1)
    if (first === undefined || last === undefined) return
    const life = lifeOf(first)
    // A feed may tell of several sources at once; those of the node do not.
    if (keyOf(lifeOf(last)) !== keyOf(life)) {
      for (const entry of entries) this.push([entry])
      return
    }
    this.#note(life, { headSeq: last.seq, timeMs: first.timeMs })
  }

  forget(): void {
    // `release` was before it.
  }

  end(): void {
    // `stop` is told otherwise.
  }

  /** Of the first line of a life that the sink has not had. */
  neededFrom(life: SourceLife): number {
    return this.#retired.has(keyOf(life)) ? Infinity : this.#ledger.neededFrom(life)
  }

  /** The log of a source is about to be removed: resolves when it may be. What is not shipped by then is lost, and counted. */
  async release(source: string): Promise<void> {
    const found = this.#options.catalog.find(source)
    if (found === undefined) return
    const life = { source, instance: found.instance }
    const lastSeq = found.nextSeq - 1
    this.#backlog.hurry(life)
    this.#work.ring()
    await this.#drained(() => this.#ledger.neededFrom(life) > lastSeq)
    this.#retire(life, lastSeq)
    try {
      await this.#save()
    } catch (error) {
      // It is saved with the next batch.
      this.#options.logger.error('log-sink-ledger-failed', { error: errorMessage(error) })
    }
  }

  status(): LogSinkStatus {
    const { name, kinds } = this.#options
    const { frozen, counts } = this.#ledger
    const lagging = this.#backlog.lives().filter((life) => !this.#retired.has(keyOf(life)))
    const lines = lagging.map((life) => this.#backlog.headOf(life) - this.#ledger.cursorOf(life))
    const oldestMs = [this.#backlog.oldestMs(), ...frozen.map(({ timeMs }) => timeMs)]
    return {
      name,
      kinds,
      ...this.#health.status,
      lagLines: [...lines, ...frozen.map((batch) => batch.lines)].reduce(
        (sum, count) => sum + Math.max(0, count),
        0,
      ),
      oldestMs: oldestMs.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a)),
      ...counts,
    }
  }

  #begin(isNew: boolean): void {
    const { catalog } = this.#options
    this.#unsubscribe = catalog.subscribe(this)
    const there = new Set<string>()
    this.#ledger.isDirty = isNew
    for (const found of catalog.list()) {
      const life = { source: found.name, instance: found.instance }
      there.add(keyOf(life))
      const chunks = found.chunks()
      // What was dropped before anybody named the sink is not lost to it.
      if (isNew) this.#ledger.setCursor(life, (chunks[0]?.firstSeq ?? found.nextSeq) - 1)
      if (this.#ledger.cursorOf(life) >= found.nextSeq) this.#beginAnew(life)
      const cursorSeq = this.#ledger.cursorOf(life)
      const first = chunks.findLast(({ firstSeq }) => firstSeq <= cursorSeq + 1)
      const timeMs = first?.range?.minMs ?? null
      this.#note(life, { headSeq: found.nextSeq - 1, timeMs })
      this.#backlog.taken(life, { cursorSeq, isFull: false, timeMs }, this.#nowMs())
    }
    // Batches of logs that are gone have their turn too, so that they are counted.
    for (const batch of this.#ledger.frozen) this.#note(batch, { headSeq: 0, timeMs: null })
    for (const cursor of this.#ledger.content.cursors) {
      if (!there.has(keyOf(cursor))) this.#ledger.retire(cursor, cursor.seq)
    }
    this.#running = this.#run(this.#stop.signal)
  }

  /** A log that cannot be removed is shorter than it was: somebody deleted its files. Its numbers mean other lines now. */
  #beginAnew(life: SourceLife): void {
    this.#options.logger.warn('log-sink-source-anew', { source: life.source })
    this.#ledger.setCursor(life, 0)
    for (const batch of this.#ledger.frozen) {
      if (keyOf(batch) !== keyOf(life)) continue
      this.#ledger.split(batch, [])
      this.#tellLost(life, batch.lines)
    }
  }

  #note(life: SourceLife, lines: { headSeq: number; timeMs: number | null }): void {
    if (this.#retired.has(keyOf(life))) return
    if (this.#backlog.add(life, lines, this.#nowMs())) this.#work.ring()
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const seen = this.#work.count
      let waitMs = 0
      try {
        const job = await this.#next()
        await this.#save()
        if (job === undefined) {
          this.#progress.ring()
          await this.#rest(seen)
        } else {
          waitMs = await this.#attempt(job, signal)
        }
      } catch (error) {
        waitMs = this.#health.unavailable(errorMessage(error))
      }
      this.#progress.ring()
      await this.#wait(waitMs, signal)
      this.#health.trying()
    }
    await this.#save().catch((error: unknown) => {
      // The last batches come again, under the same ids.
      this.#options.logger.error('log-sink-ledger-failed', { error: errorMessage(error) })
    })
  }

  /** The batch whose turn it is; undefined when none is due. */
  async #next(): Promise<Job | undefined> {
    for (const life of this.#backlog.lives()) {
      const job = (await this.#again(life)) ?? (await this.#fresh(life))
      if (job === undefined) continue
      this.#held = job
      this.#backlog.served(life)
      return job
    }
    return undefined
  }

  /** Makes a batch of what comes next in a source, if that is due. */
  async #fresh(life: SourceLife): Promise<Job | undefined> {
    const { catalog, clock } = this.#options
    if (!this.#backlog.isDue(life, this.#nowMs())) return undefined
    if (this.#retired.has(keyOf(life))) {
      this.#backlog.drop(life)
      return undefined
    }
    const source = catalog.find(life.source)
    if (source?.instance !== life.instance) {
      this.#retire(life, this.#backlog.headOf(life))
      return undefined
    }
    const lastSeq = source.nextSeq - 1
    // A number that a power cut could give to another line must not be shipped.
    await source.sync()
    const firstSeq = this.#ledger.cursorOf(life) + 1
    const read = await readBatch(source, { firstSeq, lastSeq, ...this.#limits }, clock)
    if (this.#retired.has(keyOf(life))) return undefined
    const lines = linesOf(read.entries)
    const cursorSeq = lines?.lastSeq ?? lastSeq
    this.#tellLost(life, cursorSeq - firstSeq + 1 - (lines?.lines ?? 0))
    const { isFull } = read
    const timeMs = read.entries.at(-1)?.timeMs ?? null
    this.#backlog.taken(life, { cursorSeq, isFull, timeMs }, this.#nowMs())
    if (lines === undefined) {
      this.#ledger.skip(life, lastSeq)
      return undefined
    }
    return { batch: this.#ledger.freeze(life, lines), ...read }
  }

  /** Finds the lines of the oldest frozen batch again. Should some be gone, the rest is another batch. */
  async #again(life: SourceLife): Promise<Job | undefined> {
    for (;;) {
      const batch = this.#ledger.frozenOf(life)
      if (batch === undefined) return undefined
      if (this.#held?.batch.id === batch.id) return this.#held
      const read = await this.#reread(batch)
      if (read.entries.length === batch.lines) return { batch, ...read }
      this.#tellLost(batch, batch.lines - read.entries.length)
      const rest = linesOf(read.entries)
      const [smaller] = this.#ledger.split(batch, rest === undefined ? [] : [rest])
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

  /** Gives how long to wait before the next try of anything. */
  async #attempt(job: Job, signal: AbortSignal): Promise<number> {
    const { sink, clock } = this.#options
    const { batch, entries, bytes } = job
    const limits = { clock, limitMs: this.#limits.writeMs }
    const outcome = await writeOnce(sink, { id: batch.id, entries }, limits, signal)
    switch (outcome.kind) {
      case 'stored':
        this.#ledger.shipped(batch, bytes)
        this.#held = undefined
        this.#health.ok()
        return 0
      case 'refused':
        this.#health.ok()
        await this.#bisect(job, outcome.reason)
        return 0
      case 'denied':
        this.#ledger.retried()
        return this.#health.denied(outcome.reason)
      case 'unavailable':
        this.#ledger.retried()
        return this.#health.unavailable(outcome.reason, outcome.askedMs)
      case 'aborted':
        return 0
      default:
        return outcome satisfies never
    }
  }

  /** Halves a batch to find the lines that are to blame; one that is alone is a dead letter. */
  async #bisect({ batch, entries }: Job, reason: string): Promise<void> {
    const { clock, deadLetters } = this.#options
    const middle = Math.ceil(entries.length / 2)
    const halves = [linesOf(entries.slice(0, middle)), linesOf(entries.slice(middle))]
    const [entry] = entries
    if (entry === undefined) return
    if (entries.length > 1) {
      this.#ledger.split(
        batch,
        halves.filter((half) => half !== undefined),
      )
      return
    }
    await deadLetters.add({ timeMs: clock.now(), batch: batch.id, reason, entry })
    this.#ledger.dead(batch)
    // What is told of a line of the daemon's own log would be refused for the same reason, without end.
    if (entry.kind !== 'daemon') this.#dead.add(1, reason)
  }

  #retire(life: SourceLife, lastSeq: number): void {
    this.#tellLost(life, Math.max(0, lastSeq - this.#ledger.cursorOf(life)))
    this.#retired.add(keyOf(life))
    this.#ledger.retire(life, lastSeq)
    this.#backlog.drop(life)
    // What is in memory can still be shipped; it must not lose its turn.
    if (this.#ledger.frozenOf(life) !== undefined) {
      this.#backlog.add(life, { headSeq: 0, timeMs: null }, this.#nowMs())
    }
  }

  #tellLost({ source }: SourceLife, lines: number): void {
    if (lines > 0) this.#lost.add(lines, source)
  }

  #isIdle(): boolean {
    return this.#ledger.frozen.length === 0 && this.#backlog.waitMs(this.#nowMs()) === Infinity
  }

  /** Resolves when it is so, or the sink does not take what it is given, or `drainMs` have passed. */
  async #drained(isSo: () => boolean): Promise<void> {
    const over = new AbortController()
    const late = this.#options.clock.sleep(this.#limits.drainMs, over.signal)
    const watch = async (): Promise<void> => {
      for (;;) {
        const seen = this.#progress.count
        if (isSo() || this.#health.state !== 'ok' || this.#stop.signal.aborted) return
        await this.#progress.after(seen, over.signal)
      }
    }
    try {
      await Promise.race([watch(), late])
    } finally {
      over.abort()
    }
  }

  /** Until something is due. */
  async #rest(seen: number): Promise<void> {
    const over = new AbortController()
    const waitMs = this.#backlog.waitMs(this.#nowMs())
    const waits = [this.#work.after(seen, over.signal)]
    if (waitMs < Infinity) waits.push(this.#options.clock.sleep(waitMs, over.signal))
    try {
      await Promise.race(waits)
    } finally {
      over.abort()
    }
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    try {
      if (ms > 0) await this.#options.clock.sleep(ms, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** Writes down what has changed, one after the other. */
  async #save(): Promise<void> {
    while (this.#saving !== undefined) await this.#saving.catch(() => undefined)
    if (!this.#ledger.isDirty) return
    this.#ledger.isDirty = false
    this.#saving = this.#options.store.save(this.#ledger.content)
    try {
      await this.#saving
    } catch (error) {
      this.#ledger.isDirty = true
      throw error
    } finally {
      this.#saving = undefined
    }
  }

  #nowMs(): number {
    return this.#options.clock.monotonic()
  }
}
