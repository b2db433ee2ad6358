import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { errorMessage, systemCode } from '@p2p-playground/core'
import type { InstanceKey, Logger } from '@p2p-playground/core'
import { encodeFrame, encodeHeader } from './frame.js'
import type { Frame, FrameView, RawOffsets, SegmentHeader, TimeRange } from './frame.js'
import { SegmentIndex, readSlice } from './segment-index.js'
import { fileOf, firstSeqOf, rangeOf, readHeader, scanSegment, widen } from './segment-scan.js'
import type { SegmentScan } from './segment-scan.js'
import { SegmentWriter, syncPath } from './segment-writer.js'

/** One file of frames. */
export interface Segment {
  readonly path: string
  readonly number: number
  readonly sizeBytes: number
  /** Of the first line that it has or will have. */
  readonly firstSeq: number
  /** Null while it has no line. */
  readonly range: TimeRange | null
}

type OwnSegment = { -readonly [K in keyof Segment]: Segment[K] }

export interface SegmentOptions {
  readonly dir: string
  readonly key: InstanceKey
  readonly node: string
  /** A segment that would grow beyond it is closed, and the next begun. */
  readonly rollBytes: number
  readonly logger: Logger
  /** A new segment was begun: the moment to look whether old ones must go. Must not throw: the frame is stored. */
  readonly onRoll: () => void
}

/**
 * The stored lines of one instance: numbered files of frames. Each frame carries the cursor in the raw files and each line its
 * number, so that one append moves both, and whatever is on the disk after a crash is consistent.
 */
export class Segments {
  readonly #options: SegmentOptions
  readonly #segments: OwnSegment[] = []
  readonly #indexes = new Map<string, SegmentIndex>()
  readonly #noted = new Set<string>()
  readonly #retired = new Set<SegmentWriter>()
  #writer: SegmentWriter | undefined
  #offsets: RawOffsets = { stdout: 0, stderr: 0 }
  #syncedOffsets: RawOffsets = { stdout: 0, stderr: 0 }
  #epoch = 0
  #nextSeq = 1
  #instance: string = randomBytes(6).toString('hex')
  /** A crash may have come before it was synced. */
  #unsureOf: string | undefined

  /** Opens what is there; a torn end is cut off. */
  constructor(options: SegmentOptions) {
    this.#options = options
    mkdirSync(options.dir, { recursive: true, mode: 0o700 })
    this.#recover()
  }

  get version(): string {
    return this.#options.key.version
  }

  /** Which life of the log this is. */
  get instance(): string {
    return this.#instance
  }

  /** Where reading the raw files goes on. */
  get offsets(): RawOffsets {
    return this.#offsets
  }

  /** Up to there the lines are stored even after a power cut. */
  get syncedOffsets(): RawOffsets {
    return this.#syncedOffsets
  }

  get nextSeq(): number {
    return this.#nextSeq
  }

  /** Lines that are no longer there because segments were dropped. */
  get droppedLines(): number {
    return (this.#segments[0]?.firstSeq ?? 1) - 1
  }

  /** From the oldest to the newest. */
  list(): readonly Segment[] {
    return [...this.#segments]
  }

  /** Stores a frame whole or, when it throws, not at all. */
  append(frame: Frame): void {
    const bytes = encodeFrame(frame)
    const { rollBytes, onRoll } = this.#options
    const last = this.#segments.at(-1)
    const isFull = last !== undefined && last.sizeBytes + bytes.length > rollBytes
    const segment = last === undefined || (isFull && last.range !== null) ? this.#begin() : last
    this.#writer ??= new SegmentWriter(segment.path, segment.sizeBytes)
    this.#writer.append(bytes)
    segment.sizeBytes += bytes.length
    for (const { timeMs } of frame.lines.slice(0, 1)) segment.range = widen(segment.range, timeMs)
    this.#offsets = frame.offsets
    this.#nextSeq += frame.lines.length
    this.#indexOf(segment).add(this.#nextSeq, segment.sizeBytes)
    if (segment !== last) onRoll()
  }

  /** Drops the oldest segment. The newest holds the cursor: it stays, and is on the disk before it is alone. */
  dropOldest(): void {
    if (this.#segments.length === 1) this.#begin()
    if (this.#segments.length === 2) {
      this.#writer?.syncNow()
      for (const writer of this.#retired) void this.#close(writer)
      this.#retired.clear()
    }
    const oldest = this.#segments.shift()
    if (oldest === undefined) return
    this.#indexes.delete(oldest.path)
    rmSync(oldest.path, { force: true })
  }

  /**
   * The sound frames of a segment, as far as it was written when asked; none when it was dropped meanwhile. Frames that have
   * nothing from `fromSeq` on may be left out.
   */
  async read(segment: Segment, fromSeq = 0): Promise<readonly FrameView[]> {
    const { path, sizeBytes } = segment
    const index = this.#indexOf(segment)
    const start = index.startOf(fromSeq)
    try {
      const bytes = await readSlice(path, start, sizeBytes)
      const { frames } = this.#note(path, scanSegment(bytes))
      index.addFrames(frames, start)
      return frames
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return []
      throw error
    }
  }

  /** The raw files begin anew: their content was taken in whole. */
  resetOffsets(): void {
    const zero = { stdout: 0, stderr: 0 }
    this.append({ offsets: zero, lines: [] })
    this.syncNow()
    this.#epoch += 1
    this.#syncedOffsets = zero
  }

  /** Resolves when all that was appended before is on the disk. */
  async sync(): Promise<void> {
    const offsets = this.#offsets
    const epoch = this.#epoch
    await this.#syncUnsure()
    for (const writer of this.#retired) {
      await writer.sync()
      await this.#close(writer)
      this.#retired.delete(writer)
    }
    await this.#writer?.sync()
    if (epoch === this.#epoch) this.#syncedOffsets = offsets
  }

  /** The same at once. */
  syncNow(): void {
    for (const writer of this.#retired) writer.syncNow()
    this.#writer?.syncNow()
    this.#syncedOffsets = this.#offsets
  }

  async close(): Promise<void> {
    const writers = [...this.#retired, ...(this.#writer === undefined ? [] : [this.#writer])]
    this.#retired.clear()
    this.#writer = undefined
    await Promise.all(writers.map((writer) => this.#close(writer)))
  }

  /** Never rejects: what was synced is stored all the same, and mostly nobody waits. */
  async #close(writer: SegmentWriter): Promise<void> {
    try {
      await writer.close()
    } catch (error) {
      const { path } = writer
      this.#options.logger.error('log-close-failed', { path, error: errorMessage(error) })
    }
  }

  #indexOf({ path }: Pick<Segment, 'path'>): SegmentIndex {
    const index = this.#indexes.get(path) ?? new SegmentIndex()
    this.#indexes.set(path, index)
    return index
  }

  async #syncUnsure(): Promise<void> {
    const path = this.#unsureOf
    this.#unsureOf = undefined
    if (path === undefined || !this.#segments.some((segment) => segment.path === path)) return
    await syncPath(path)
  }

  #begin(): OwnSegment {
    const last = this.#segments.at(-1)
    const number = (last?.number ?? 0) + 1
    const { dir, key, node } = this.#options
    const path = join(dir, `${String(number).padStart(8, '0')}.seg`)
    const header = encodeHeader({
      node,
      app: key.app,
      version: key.version,
      instance: this.#instance,
      firstSeq: this.#nextSeq,
      offsets: this.#offsets,
      previous: last?.range ?? null,
    })
    const writer = new SegmentWriter(path, 0)
    try {
      writer.append(header)
    } catch (error) {
      // Empty now, it is the one that is tried next.
      void this.#close(writer)
      throw error
    }
    if (this.#writer !== undefined) this.#retired.add(this.#writer)
    this.#writer = writer
    const sizeBytes = header.length
    const segment = { path, number, sizeBytes, firstSeq: this.#nextSeq, range: null }
    this.#segments.push(segment)
    return segment
  }

  #recover(): void {
    const names = readdirSync(this.#options.dir).filter((name) => /^\d{8}\.seg$/.test(name))
    const paths = names.sort().map((name) => join(this.#options.dir, name))
    const newest = this.#recoverNewest(paths)
    if (newest === undefined) return
    let { header } = newest
    // The same in all of them; one that can be read is enough.
    let instance = header?.instance
    let nextSeq = newest.segment.firstSeq
    this.#segments.unshift(newest.segment)
    this.#unsureOf = paths.at(-1)
    for (const path of paths.reverse()) {
      const own = readHeader(path)
      instance ??= own?.instance
      // Where a header is damaged, the frames themselves know.
      const scan = own === undefined || header === undefined ? this.#scan(path) : undefined
      const firstSeq = own?.firstSeq ?? firstSeqOf(scan) ?? nextSeq
      const range = header === undefined ? rangeOf(scan?.frames ?? []) : header.previous
      this.#segments.unshift({ ...fileOf(path), firstSeq, range })
      header = own
      nextSeq = firstSeq
    }
    if (instance !== undefined) this.#instance = instance
  }

  /** Takes the newest segment that holds anything off `paths`, and the cursor from its end. */
  #recoverNewest(
    paths: string[],
  ): { readonly segment: OwnSegment; readonly header: SegmentHeader | undefined } | undefined {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const scan = this.#scan(path)
      const { sizeBytes } = fileOf(path)
      if (scan.end < sizeBytes) {
        this.#options.logger.info('log-torn-end-cut', { path, bytes: sizeBytes - scan.end })
        truncateSync(path, scan.end)
      }
      const { header, frames } = scan
      if (header === undefined && frames.length === 0) {
        rmSync(path)
        continue
      }
      this.#offsets = frames.at(-1)?.offsets ?? header?.offsets ?? this.#offsets
      const last = frames.filter((frame) => frame.count > 0).at(-1)
      this.#nextSeq = last === undefined ? (header?.firstSeq ?? 1) : last.firstSeq + last.count
      const firstSeq = header?.firstSeq ?? firstSeqOf(scan) ?? this.#nextSeq
      return { segment: { ...fileOf(path), firstSeq, range: rangeOf(frames) }, header }
    }
    return undefined
  }

  #scan(path: string): SegmentScan {
    return this.#note(path, scanSegment(readFileSync(path)))
  }

  /** Says once what a segment has lost. */
  #note(path: string, scan: SegmentScan): SegmentScan {
    const { damagedBytes, missingLines } = scan
    if ((damagedBytes > 0 || missingLines > 0) && !this.#noted.has(path)) {
      this.#noted.add(path)
      this.#options.logger.warn('log-segment-damaged', { path, damagedBytes, missingLines })
    }
    return scan
  }
}
