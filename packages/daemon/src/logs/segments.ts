import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '@p2p-playground/core'
import { decodeFrame, encodeFrame } from './frame.js'
import type { Frame, RawOffsets, StoredLine } from './frame.js'

const ROLL_BYTES = 4 * 1024 * 1024
/** Written frames reach the disk after at most that much; until then the raw file still holds their lines. */
const SYNC_BYTES = 1024 * 1024

interface Segment {
  readonly path: string
  readonly number: number
  sizeBytes: number
  /** Of its newest frame. */
  modifiedMs: number
}

export interface SegmentOptions {
  readonly dir: string
  readonly maxBytes: number
  readonly maxAgeMs: number
  readonly logger: Logger
}

/** The stored lines of one instance: numbered files of frames, the oldest dropped beyond the cap. */
export class Segments {
  readonly #options: SegmentOptions
  readonly #segments: Segment[]
  #fd: number | undefined
  #unsyncedBytes = 0
  #offsets: RawOffsets = { stdout: 0, stderr: 0 }
  #nextSeq = 1
  #droppedSegments = 0

  /** Opens what is there; a torn end is cut off. */
  constructor(options: SegmentOptions) {
    this.#options = options
    mkdirSync(options.dir, { recursive: true, mode: 0o700 })
    this.#segments = readdirSync(options.dir)
      .filter((name) => /^\d{8}\.seg$/.test(name))
      .sort()
      .map((name) => {
        const path = join(options.dir, name)
        const { size, mtimeMs } = statSync(path)
        return { path, number: Number.parseInt(name, 10), sizeBytes: size, modifiedMs: mtimeMs }
      })
    this.#recover()
  }

  /** Where reading the raw files goes on. */
  get offsets(): RawOffsets {
    return this.#offsets
  }

  get nextSeq(): number {
    return this.#nextSeq
  }

  /** Segments dropped by the caps since the store was opened. */
  get dropped(): number {
    return this.#droppedSegments
  }

  append(frame: Frame, nowMs: number): void {
    const bytes = encodeFrame(frame)
    let last = this.#segments.at(-1)
    if (last === undefined || last.sizeBytes + bytes.length > ROLL_BYTES) last = this.#roll(nowMs)
    this.#fd ??= openSync(last.path, 'a', 0o600)
    writeSync(this.#fd, bytes)
    last.sizeBytes += bytes.length
    last.modifiedMs = nowMs
    this.#offsets = frame.offsets
    this.#nextSeq = (frame.lines.at(-1)?.seq ?? this.#nextSeq - 1) + 1
    this.#unsyncedBytes += bytes.length
    if (this.#unsyncedBytes >= SYNC_BYTES) this.sync()
  }

  sync(): void {
    if (this.#fd !== undefined && this.#unsyncedBytes > 0) fdatasyncSync(this.#fd)
    this.#unsyncedBytes = 0
  }

  /** Lines from the oldest on, one batch a frame. */
  *forward(): Generator<readonly StoredLine[]> {
    for (const segment of [...this.#segments])
      yield* this.#read(segment).map((frame) => frame.lines)
  }

  /** Lines from the newest on, one batch a segment, each batch in order. */
  *backward(): Generator<readonly StoredLine[]> {
    for (const segment of [...this.#segments].reverse())
      yield this.#read(segment).flatMap((frame) => frame.lines)
  }

  /** Begins the raw files anew: their content was taken in whole. */
  resetOffsets(nowMs: number): void {
    this.append({ offsets: { stdout: 0, stderr: 0 }, lines: [] }, nowMs)
    this.sync()
  }

  close(): void {
    this.sync()
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #roll(nowMs: number): Segment {
    this.close()
    const number = (this.#segments.at(-1)?.number ?? 0) + 1
    const path = join(this.#options.dir, `${String(number).padStart(8, '0')}.seg`)
    const segment = { path, number, sizeBytes: 0, modifiedMs: nowMs }
    this.#segments.push(segment)
    this.#dropOld(nowMs)
    return segment
  }

  #dropOld(nowMs: number): void {
    const { maxBytes, maxAgeMs, logger } = this.#options
    const total = (): number => this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    while (this.#segments.length > 1) {
      const oldest = this.#segments[0]
      if (oldest === undefined) return
      if (total() + ROLL_BYTES <= maxBytes && nowMs - oldest.modifiedMs <= maxAgeMs) return
      rmSync(oldest.path, { force: true })
      this.#segments.shift()
      this.#droppedSegments += 1
      logger.info('log-segment-dropped', { path: oldest.path, bytes: oldest.sizeBytes })
    }
  }

  #recover(): void {
    const last = this.#segments.at(-1)
    if (last === undefined) return
    const frames = this.#read(last, true)
    const source = frames.length > 0 ? frames : this.#read(this.#segments.at(-2) ?? last)
    const newest = source.at(-1)
    if (newest !== undefined) this.#offsets = newest.offsets
    for (const segment of [...this.#segments].reverse()) {
      const seq = this.#read(segment)
        .flatMap((frame) => frame.lines)
        .at(-1)?.seq
      if (seq === undefined) continue
      this.#nextSeq = seq + 1
      return
    }
  }

  /** The sound frames of a segment; with `repair` what is behind them is cut off. */
  #read(segment: Segment, repair = false): Frame[] {
    const bytes = readFileSync(segment.path)
    const frames: Frame[] = []
    let start = 0
    while (start < bytes.length) {
      const decoded = decodeFrame(bytes, start)
      if (decoded.kind !== 'frame') {
        if (decoded.kind === 'corrupt' || repair) {
          this.#options.logger.warn('log-segment-damaged', {
            path: segment.path,
            at: start,
            kind: decoded.kind,
          })
        }
        if (repair) {
          truncateSync(segment.path, start)
          segment.sizeBytes = start
        }
        break
      }
      frames.push(decoded.frame)
      start = decoded.end
    }
    return frames
  }
}
