import { errorMessage } from '@p2p-playground/core'
import type { Clock, LogEntry, LogKind, LogSink, LogSinkStatus, Logger } from '@p2p-playground/core'
import { Bell } from '../engine/bell.js'
import type { FeedListener } from '../logs/log-feed.js'
import { atMost } from './at-most.js'
import { BatchQueue } from './batch-queue.js'
import type { Job } from './batch-queue.js'
import { linesOf } from './batch-reader.js'
import type { BatchLimits } from './batch-reader.js'
import type { DeadLetters } from './dead-letters.js'
import { keyOf } from './ledger.js'
import type { Ledger, LedgerContent, SourceLife } from './ledger.js'
import type { LedgerStore } from './ledger-file.js'
import type { Random } from './retry-delay.js'
import { SinkHealth } from './sink-health.js'
import { lifeOf } from './source-catalog.js'
import type { SourceCatalog } from './source-catalog.js'
import { Tally } from './tally.js'
import { writeOnce } from './write-attempt.js'

export interface ShipperLimits extends BatchLimits {
  /** A line waits that long for others; a sink may ask for more. */
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

/**
 * Ships what a node logs to one sink: one batch at a time, of one source each, the sources in turn. A batch is noted before it is
 * first tried and stays as it is until the sink has it, refuses it for good, or its lines are gone. Holds no more than one in
 * memory.
 */
export class Shipper implements FeedListener {
  readonly #options: ShipperOptions
  readonly #limits: ShipperLimits
  readonly #queue: BatchQueue
  readonly #ledger: Ledger
  readonly #health: SinkHealth
  readonly #dead: Tally<string>
  /** Rings when there may be something to do. */
  readonly #work = new Bell()
  /** Rings when something was done, or could not be. */
  readonly #progress = new Bell()
  readonly #stop = new AbortController()
  #saving: Promise<void> | undefined
  #running: Promise<void> | undefined
  readonly #unsubscribe: () => void

  private constructor(options: ShipperOptions, content: LedgerContent | undefined) {
    const { catalog, clock, logger, onPause } = options
    const { lingerMs } = options.sink
    const isPatient = lingerMs !== undefined
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits, ...(isPatient ? { lingerMs } : {}) }
    // Before it looks what there is, so that nothing falls between.
    this.#unsubscribe = catalog.subscribe(this)
    this.#queue = new BatchQueue({
      ...{ catalog, clock, logger, content },
      ...{ limits: this.#limits, isPatient },
    })
    this.#ledger = this.#queue.ledger
    this.#health = new SinkHealth({
      ...options,
      wasPaused: this.#ledger.isPaused,
      onPause: (reason) => {
        this.#ledger.paused(reason !== null)
        onPause(reason)
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
    const shipper = new Shipper(options, await options.store.load())
    // From now on whatever goes unshipped is a loss.
    await shipper.#trySave()
    shipper.#running = shipper.#run(shipper.#stop.signal)
    return shipper
  }

  get kinds(): readonly LogKind[] {
    return this.#options.kinds
  }

  /** Ships what is there if the sink takes it soon, then ends. Idempotent. */
  async stop(): Promise<void> {
    this.#queue.hurry()
    this.#work.ring()
    if (!this.#stop.signal.aborted) await this.#drained(() => this.#queue.isEmpty())
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
    const lines = { headSeq: last.seq, timeMs: first.timeMs }
    if (this.#queue.add(life, lines)) this.#work.ring()
  }

  forget(source: string): void {
    this.#queue.removed(source)
  }

  end(): void {
    // `stop` is told otherwise.
  }

  /** Of the first line of a life that the sink has not had; Infinity when it is to have no more. */
  neededFrom(life: SourceLife): number {
    return this.#queue.neededFrom(life)
  }

  /** The log of a source is about to be removed: resolves when it may be. What is not shipped by then is lost, and counted. */
  async release(source: string): Promise<void> {
    const found = this.#options.catalog.find(source)
    if (found === undefined) return
    const life = { source, instance: found.instance }
    const lastSeq = found.nextSeq - 1
    this.#queue.hurry(life)
    this.#work.ring()
    await this.#drained(() => this.#ledger.neededFrom(life) > lastSeq)
    this.#queue.retire(life, lastSeq)
    await this.#trySave()
  }

  status(): LogSinkStatus {
    const { name, kinds } = this.#options
    const { counts } = this.#ledger
    return { name, kinds, ...this.#health.status, ...this.#queue.lag(), ...counts }
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const seen = this.#work.count
      let waitMs = 0
      this.#dead.tick()
      try {
        const job = await this.#queue.next()
        await this.#save()
        if (job === undefined) {
          this.#progress.ring()
          const rest = this.#queue.waitMs()
          await atMost(rest, this.#options.clock, (over) => this.#work.after(seen, over))
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
    this.#dead.tick(true)
    this.#queue.close()
    // Retries are not worth a save of their own.
    this.#ledger.isDirty = true
    await this.#trySave()
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
        this.#queue.release()
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
    const [entry, ...others] = entries
    if (entry === undefined || others.length > 0) {
      const middle = Math.ceil(entries.length / 2)
      const halves = [linesOf(entries.slice(0, middle)), linesOf(entries.slice(middle))]
      const parts = halves.filter((half) => half !== undefined)
      this.#ledger.split(batch, parts)
      return
    }
    await deadLetters.add({ timeMs: clock.now(), batch: batch.id, reason, entry })
    this.#ledger.dead(batch)
    this.#queue.release()
    // What is told of a line of the daemon's own log would be refused for the same reason, without end.
    if (entry.kind !== 'daemon') this.#dead.add(1, reason)
  }

  /** Resolves when it is so, or the sink does not take what it is given, or `drainMs` have passed. */
  async #drained(isSo: () => boolean): Promise<void> {
    await atMost(this.#limits.drainMs, this.#options.clock, async (signal) => {
      for (;;) {
        const seen = this.#progress.count
        if (isSo() || this.#health.state !== 'ok' || this.#stop.signal.aborted) return
        await this.#progress.after(seen, signal)
      }
    })
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    try {
      if (ms > 0) await this.#options.clock.sleep(ms, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** What the disk refuses is saved with the next batch; where none comes, the last ones come again under the same ids. */
  async #trySave(): Promise<void> {
    try {
      await this.#save()
    } catch (error) {
      this.#options.logger.error('log-sink-ledger-failed', { error: errorMessage(error) })
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
}
