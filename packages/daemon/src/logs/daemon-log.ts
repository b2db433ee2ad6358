import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, systemCode } from '@p2p-playground/core'
import type { Clock, LogFields, LogLevel } from '@p2p-playground/core'
import { decodeLine, encodeLine, entryOfLine } from './daemon-line.js'
import type { DaemonLine } from './daemon-line.js'
import type { TimeRange } from './frame.js'
import type { FeedListener, LogBlock, LogChunk, LogFeed, LogSource } from './log-feed.js'
import type { StoreQuery } from './log-query.js'
import { widen } from './segment-scan.js'
import { SegmentWriter } from './segment-writer.js'

/** A query reads whole files. */
const ROLL_BYTES = 1024 * 1024
const MAX_FILES = 64
const NEWLINE = 0x0a

export interface DaemonLogOptions {
  readonly dir: string
  readonly node: string
  readonly clock: Clock
  /** Takes out what must not be seen. */
  readonly redact: (text: string) => string
  /** Default: 1 MiB. */
  readonly rollBytes?: number
  /** The oldest goes beyond it. Default: 64. */
  readonly maxFiles?: number
}

interface LogFile {
  readonly path: string
  readonly firstSeq: number
  sizeBytes: number
  /** Null until it is known. */
  range: TimeRange | null
}

/**
 * The daemon's own log: lines of JSON in `DIR/daemon-SEQ.log`, SEQ being the number of the first line. A line is in its file
 * when `write` returns, whole or not at all, so that kill -9 loses none and numbers go on with the next daemon.
 */
export class DaemonLog implements LogFeed {
  readonly #options: DaemonLogOptions
  readonly #files: LogFile[] = []
  readonly #listeners = new Set<FeedListener>()
  #nextSeq = 1
  #writer: SegmentWriter | undefined
  #lost = { lines: 0, error: '' }
  /** The last that was not told yet. */
  #notClosed: { readonly path: string; readonly error: string } | undefined
  /** Files that are being closed. Never rejects. */
  #closing: Promise<unknown> = Promise.resolve()
  #isClosed = false

  /** Goes on behind what is there; a torn end is cut off. */
  constructor(options: DaemonLogOptions) {
    this.#options = options
    try {
      this.#recover()
    } catch (error) {
      this.#lose(error)
    }
  }

  /** Never throws: what the disk refuses is counted, and told of once it takes lines again. */
  write(level: LogLevel, event: string, fields: LogFields): void {
    if (this.#isClosed) return
    try {
      this.#tell()
      this.#append(level, event, fields)
    } catch (error) {
      this.#lose(error)
    }
  }

  sources({ kinds, stream }: StoreQuery): LogSource[] {
    if (!kinds.includes('daemon') || stream !== undefined) return []
    const chunks = (): LogChunk[] => this.#files.map((file) => this.#chunkOf(file))
    const sync = async (): Promise<void> => {
      await this.#writer?.sync()
    }
    return [{ name: 'daemon', nextSeq: this.#nextSeq, instance: null, chunks, sync }]
  }

  subscribe(listener: FeedListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes no more. Idempotent. @throws what the disk says to the last lines: no line can */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#closing
    try {
      this.#tell()
      this.#writer?.syncNow()
    } finally {
      for (const listener of this.#listeners) listener.end()
      this.#letGo()
      await this.#closing
    }
    const { path, error } = this.#notClosed ?? {}
    if (path !== undefined) throw new Error(`cannot close ${path}: ${String(error)}`)
  }

  /** What could not be said when it happened. */
  #tell(): void {
    const { lines, error } = this.#lost
    if (lines > 0) this.#append('error', 'daemon-log-lines-lost', { lines, error })
    this.#lost = { lines: 0, error: '' }
    if (this.#notClosed === undefined) return
    this.#append('error', 'daemon-log-close-failed', { ...this.#notClosed })
    this.#notClosed = undefined
  }

  /** Closes the file that is written to, when no sync of it is under way any more. */
  #letGo(): void {
    const writer = this.#writer
    this.#writer = undefined
    if (writer === undefined) return
    // To write it down now could fail in the same way, without end.
    const closed = writer.close().catch((error: unknown) => {
      this.#notClosed = { path: writer.path, error: errorMessage(error) }
    })
    this.#closing = Promise.all([this.#closing, closed])
  }

  #append(level: LogLevel, event: string, fields: LogFields): void {
    const timeMs = this.#options.clock.now()
    const line: DaemonLine = {
      seq: this.#nextSeq,
      timeMs,
      level,
      event,
      fields: this.#clean(fields),
    }
    const bytes = encodeLine(line)
    const file = this.#fileFor(bytes.length)
    this.#writer ??= this.#open(file)
    this.#writer.append(bytes)
    this.#nextSeq += 1
    file.sizeBytes += bytes.length
    if (file.sizeBytes === bytes.length || file.range !== null) {
      file.range = widen(file.range, timeMs)
    }
    if (this.#listeners.size === 0) return
    const entries = [entryOfLine(line, this.#options.node)]
    for (const listener of this.#listeners) listener.push(entries)
  }

  /** Strings without what must not be seen, nothing that is undefined. */
  #clean(fields: LogFields): DaemonLine['fields'] {
    const { redact } = this.#options
    return Object.fromEntries(
      Object.entries(fields).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, typeof value === 'string' ? redact(value) : value]],
      ),
    )
  }

  #fileFor(bytes: number): LogFile {
    const { dir, rollBytes = ROLL_BYTES, maxFiles = MAX_FILES } = this.#options
    const last = this.#files.at(-1)
    if (last !== undefined && (last.sizeBytes === 0 || last.sizeBytes + bytes <= rollBytes))
      return last
    try {
      this.#writer?.syncNow()
    } finally {
      this.#letGo()
    }
    const firstSeq = this.#nextSeq
    const path = join(dir, `daemon-${String(firstSeq).padStart(12, '0')}.log`)
    const file: LogFile = { path, firstSeq, sizeBytes: 0, range: null }
    this.#files.push(file)
    for (const old of this.#files.splice(0, Math.max(0, this.#files.length - maxFiles))) {
      rmSync(old.path, { force: true })
    }
    return file
  }

  #open({ path, sizeBytes }: LogFile): SegmentWriter {
    mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 })
    return new SegmentWriter(path, sizeBytes)
  }

  #lose(error: unknown): void {
    this.#lost = { lines: this.#lost.lines + 1, error: errorMessage(error) }
    this.#letGo()
  }

  #recover(): void {
    const { dir } = this.#options
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const names = readdirSync(dir).filter((name) => /^daemon-\d{12}\.log$/.test(name))
    for (const name of names.sort()) {
      const path = join(dir, name)
      const firstSeq = Number.parseInt(name.slice('daemon-'.length), 10)
      this.#files.push({ path, firstSeq, sizeBytes: statSync(path).size, range: null })
    }
    const last = this.#files.at(-1)
    if (last === undefined) return
    const bytes = readFileSync(last.path)
    const end = bytes.lastIndexOf(NEWLINE) + 1
    const newest = textsIn(bytes, end).reverse().map(decodeLine).find(isLine)
    last.sizeBytes = end
    this.#nextSeq = newest === undefined ? last.firstSeq : newest.seq + 1
    if (end < bytes.length) {
      this.write('info', 'daemon-log-torn-end-cut', { path: last.path, bytes: bytes.length - end })
    }
  }

  #chunkOf(file: LogFile): LogChunk {
    const { firstSeq, range } = file
    return { firstSeq, range, read: async (fromSeq) => this.#read(file, fromSeq) }
  }

  async #read(file: LogFile, fromSeq = file.firstSeq): Promise<LogBlock[]> {
    const { sizeBytes } = file
    try {
      const lines = linesFrom(textsIn(await readFile(file.path), sizeBytes), fromSeq)
      if (fromSeq <= file.firstSeq && file.sizeBytes === sizeBytes) {
        file.range = lines.reduce<TimeRange | null>((all, line) => widen(all, line.timeMs), null)
      }
      return lines.map((line) => ({
        timeMs: line.timeMs,
        firstSeq: line.seq,
        count: 1,
        entries: () => [entryOfLine(line, this.#options.node)],
      }))
    } catch (error) {
      // It was dropped meanwhile.
      if (systemCode(error) === 'ENOENT') return []
      throw error
    }
  }
}

function textsIn(bytes: Buffer, end: number): string[] {
  return bytes.toString('utf8', 0, end).split('\n')
}

/** Lines from a number on; what lies before is not decoded. */
function linesFrom(texts: readonly string[], fromSeq: number): DaemonLine[] {
  const lines: DaemonLine[] = []
  for (const text of texts.toReversed()) {
    const line = decodeLine(text)
    if (line !== undefined && line.seq < fromSeq) break
    if (line !== undefined) lines.push(line)
  }
  return lines.reverse()
}

function isLine(line: DaemonLine | undefined): line is DaemonLine {
  return line !== undefined
}
