import type { AppLogEntry, DaemonLogEntry, LogBatch, LogEntry, LogSink } from '@p2p-playground/core'
import { PlaygroundError, logSourceOf } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import type { FeedListener, LogBlock, LogChunk, LogSource } from '../logs/log-feed.js'
import type { DeadLetter } from './dead-letters.js'
import type { LedgerContent } from './ledger.js'
import { Shipper } from './shipper.js'
import type { ShipperLimits, ShipperOptions } from './shipper.js'
import type { SourceCatalog } from './source-catalog.js'

export const APP = 'hello@1.0.0'
const CHUNK_LINES = 7

interface FakeSource {
  readonly name: string
  readonly instance: string | null
  readonly entries: LogEntry[]
  /** Of the first line that is kept. */
  firstSeq: number
}

/** A node's log in memory, read in chunks as the real one. */
class FakeLog implements SourceCatalog {
  readonly #clock: FakeClock
  readonly #sources = new Map<string, FakeSource>()
  readonly #listeners = new Set<FeedListener>()
  #lives = 0
  /** Names of sources that cannot be read. */
  readonly broken = new Set<string>()
  /** Everything that was ever written. */
  readonly written: LogEntry[] = []

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  /** Lines of an app, `NAME@VERSION`, or of the daemon. */
  write(name: string, ...lines: string[]): void {
    const source = this.#sources.get(name) ?? this.#begin(name)
    const entries = lines.map((line) => {
      const entry = this.#entry(source, line)
      source.entries.push(entry)
      return entry
    })
    this.written.push(...entries)
    for (const listener of this.#listeners) listener.push(entries)
  }

  /** The oldest lines go. */
  drop(name: string, lines: number): void {
    const source = this.#sources.get(name)
    if (source === undefined) return
    source.firstSeq = Math.min(source.firstSeq + lines, source.entries.length + 1)
  }

  remove(name: string): void {
    this.#sources.delete(name)
    for (const listener of this.#listeners) listener.forget(name)
  }

  list(): LogSource[] {
    return [...this.#sources.values()].map((source) => this.#sourceOf(source))
  }

  find(name: string): LogSource | undefined {
    const source = this.#sources.get(name)
    return source === undefined ? undefined : this.#sourceOf(source)
  }

  subscribe(listener: FeedListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #begin(name: string): FakeSource {
    this.#lives += 1
    const instance = name === 'daemon' ? null : `life-${String(this.#lives)}`
    const source = { name, instance, entries: [], firstSeq: 1 }
    this.#sources.set(name, source)
    return source
  }

  #entry({ name, instance, entries }: FakeSource, line: string): LogEntry {
    const numbered = { timeMs: this.#clock.now(), node: 'n1', seq: entries.length + 1, line }
    if (instance === null) {
      const own: DaemonLogEntry = {
        ...{ ...numbered, kind: 'daemon', app: null, version: null },
        ...{ level: 'info', event: 'e', fields: {} },
      }
      return own
    }
    const [app = '', version = ''] = name.split('@')
    const own: AppLogEntry = { ...numbered, kind: 'app', app, version, instance, stream: 'stdout' }
    return own
  }

  #sourceOf(source: FakeSource): LogSource {
    return {
      name: source.name,
      nextSeq: source.entries.length + 1,
      instance: source.instance,
      sync: async () => {
        await Promise.resolve()
        if (this.broken.has(source.name)) throw new Error('input/output error')
      },
      chunks: () => chunksOf(source),
    }
  }
}

function chunksOf(source: FakeSource): LogChunk[] {
  const chunks: LogChunk[] = []
  for (let at = source.firstSeq; at <= source.entries.length; at += CHUNK_LINES) {
    const read = (): Promise<LogBlock[]> => {
      // As a segment that was dropped between the listing and the reading.
      const entries = source.entries.slice(Math.max(at, source.firstSeq) - 1, at - 1 + CHUNK_LINES)
      return Promise.resolve(entries.map(blockOf))
    }
    chunks.push({ firstSeq: at, range: null, read })
  }
  return chunks
}

function blockOf(entry: LogEntry): LogBlock {
  return { timeMs: entry.timeMs, firstSeq: entry.seq, count: 1, entries: () => [entry] }
}

/** What a sink does with a batch. */
export type Behaviour = (batch: LogBatch, signal: AbortSignal) => Promise<void> | void

/** A sink that does as it is told, and keeps what it takes. */
export class ScriptedSink implements LogSink {
  behave: Behaviour = () => undefined
  /** Each batch, as often as it was tried. */
  readonly tries: LogBatch[] = []
  readonly batches: LogBatch[] = []

  async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    this.tries.push(batch)
    await this.behave(batch, signal)
    this.batches.push(batch)
  }

  /** Lines as they came, repeats dropped. */
  get lines(): string[] {
    return entriesOf(this.batches).map(({ line }) => line)
  }
}

/** Each entry once, in the order in which they came first. */
export function entriesOf(batches: readonly LogBatch[]): LogEntry[] {
  const entries = batches.flatMap((batch) => batch.entries)
  return [
    ...new Map(entries.toReversed().map((entry) => [nameOf(entry), entry])).values(),
  ].reverse()
}

/** (node, app, instance, stream, seq), or (node, kind, seq). */
export function nameOf(entry: LogEntry): string {
  const life = entry.kind === 'app' ? `${entry.instance} ${entry.stream}` : ''
  return `${entry.node} ${logSourceOf(entry)} ${life} ${String(entry.seq)}`
}

export const refuse: Behaviour = () => {
  throw new PlaygroundError('SINK_REFUSED', 'never')
}

export const deny: Behaviour = () => {
  throw new PlaygroundError('SINK_DENIED', 'who are you?')
}

export const later =
  (retryAfterMs?: number): Behaviour =>
  () => {
    const details = retryAfterMs === undefined ? {} : { retryAfterMs }
    throw new PlaygroundError('SINK_UNAVAILABLE', 'busy', { details })
  }

/** Behaves once for each of the first batches, then takes what comes. */
export function first(...behaviours: readonly Behaviour[]): Behaviour {
  const left = [...behaviours]
  return (batch, signal) => left.shift()?.(batch, signal)
}

/** Hears no signal. */
export const hang: Behaviour = () => new Promise(() => undefined)

export const LIMITS: ShipperLimits = {
  maxLines: 10,
  maxBytes: 1000,
  lingerMs: 500,
  writeMs: 30_000,
  drainMs: 2000,
}

/** A sink, the disk of its shipper, and the log that it ships; a crash leaves the disk and the log. */
export class Fixture {
  readonly clock: FakeClock
  readonly logger = new RecordingLogger()
  readonly log: FakeLog
  readonly sink = new ScriptedSink()
  readonly letters: DeadLetter[] = []
  readonly pauses: (string | null)[] = []
  random = (): number => 0.5
  /** What would be there after a power cut. */
  disk: string | undefined
  isDiskFull = false
  shipper: Shipper | undefined

  constructor(clock = new FakeClock()) {
    this.clock = clock
    this.log = new FakeLog(clock)
  }

  /** The next daemon. */
  async start(options: Partial<ShipperOptions> = {}): Promise<Shipper> {
    this.shipper = await Shipper.start({
      name: 'fake',
      kinds: ['app', 'daemon'],
      sink: this.sink,
      catalog: this.log,
      store: {
        load: () =>
          Promise.resolve(
            this.disk === undefined ? undefined : (JSON.parse(this.disk) as LedgerContent),
          ),
        save: async (content) => {
          const text = JSON.stringify(content)
          await Promise.resolve()
          if (this.isDiskFull) throw new Error('no space left')
          this.disk = text
        },
      },
      deadLetters: {
        add: (letter) => {
          this.letters.push(letter)
          return Promise.resolve()
        },
      },
      clock: this.clock,
      logger: this.logger,
      random: () => this.random(),
      onPause: (reason) => this.pauses.push(reason),
      limits: LIMITS,
      ...options,
    })
    return this.shipper
  }

  /** As `kill -9`: nothing of what the shipper does from now on reaches the disk or the sink. */
  async crash(): Promise<void> {
    const { disk } = this
    const isDiskFull = this.isDiskFull
    const told = this.logger.lines.length
    const { behave } = this.sink
    this.isDiskFull = true
    this.sink.behave = hang
    const over = this.shipper?.stop()
    await this.clock.advance(LIMITS.drainMs)
    await over
    this.shipper = undefined
    this.logger.lines.length = told
    this.disk = disk
    this.isDiskFull = isDiskFull
    this.sink.behave = behave
  }

  count(event: string): number {
    return this.logger.lines.filter((line) => line.event === event).length
  }
}

export function numbered(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => `line ${String(from + index)}`)
}

export function sizes(batches: readonly LogBatch[]): number[] {
  return batches.map(({ entries }) => entries.length)
}

export function seqsOf({ entries }: LogBatch): number[] {
  return entries.map(({ seq }) => seq)
}
