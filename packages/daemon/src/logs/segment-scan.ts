import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { decodeFrame, findFrame } from './frame.js'
import type { FrameView, SegmentHeader, TimeRange } from './frame.js'

/** No header is longer: names of nodes, apps and versions are short. */
const MAX_HEADER_BYTES = 4096

/** What the bytes of a segment hold. */
export interface SegmentScan {
  readonly header: SegmentHeader | undefined
  readonly frames: readonly FrameView[]
  /** Behind the last sound frame. */
  readonly end: number
  /** Bytes before `end` that are no sound frame. */
  readonly damagedBytes: number
  /** Lines that the numbers say are missing between the frames. */
  readonly missingLines: number
}

/** All sound frames: damage is passed over, a torn end is left out. */
export function scanSegment(bytes: Buffer): SegmentScan {
  let header: SegmentHeader | undefined
  const frames: FrameView[] = []
  let end = 0
  let damagedBytes = 0
  for (let at = 0; at < bytes.length;) {
    const decoded = decodeFrame(bytes, at)
    if (decoded.kind === 'torn' || decoded.kind === 'corrupt') {
      const next = findFrame(bytes, at + 1)
      if (next === -1) break
      damagedBytes += next - at
      at = next
      continue
    }
    if (decoded.kind === 'header') header = decoded.header
    else frames.push(decoded)
    at = decoded.end
    end = at
  }
  return { header, frames, end, damagedBytes, missingLines: countMissing(header, frames) }
}

/** The header alone, without reading the rest; undefined when it is damaged. */
export function readHeader(path: string): SegmentHeader | undefined {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(MAX_HEADER_BYTES)
    const decoded = decodeFrame(bytes.subarray(0, readSync(fd, bytes)), 0)
    return decoded.kind === 'header' ? decoded.header : undefined
  } finally {
    closeSync(fd)
  }
}

/** From the oldest to the newest time of the frames' lines. */
export function rangeOf(frames: readonly FrameView[]): TimeRange | null {
  return frames.reduce<TimeRange | null>(
    (range, frame) => (frame.count === 0 ? range : widen(range, frame.timeMs)),
    null,
  )
}

/** Of the first line; undefined when there is none. */
export function firstSeqOf(scan: SegmentScan | undefined): number | undefined {
  return scan?.frames.find((frame) => frame.count > 0)?.firstSeq
}

export function widen(range: TimeRange | null, timeMs: number): TimeRange {
  return {
    minMs: Math.min(range?.minMs ?? timeMs, timeMs),
    maxMs: Math.max(range?.maxMs ?? timeMs, timeMs),
  }
}

function countMissing(header: SegmentHeader | undefined, frames: readonly FrameView[]): number {
  let missing = 0
  let next = header?.firstSeq
  for (const frame of frames) {
    if (frame.count === 0) continue
    if (next !== undefined) missing += frame.firstSeq - next
    next = frame.firstSeq + frame.count
  }
  return missing
}

/** What the file itself says of a segment. */
export function fileOf(path: string): {
  readonly path: string
  readonly number: number
  readonly sizeBytes: number
} {
  const number = Number.parseInt(path.slice(path.lastIndexOf('/') + 1), 10)
  return { path, number, sizeBytes: statSync(path).size }
}
