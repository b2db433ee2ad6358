import { crc32 } from 'node:zlib'
import type { LogStream } from '@p2p-playground/core'

/** A line as it stands in a segment; node, app and version are the segment's. */
export interface StoredLine {
  readonly timeMs: number
  readonly stream: LogStream
  readonly seq: number
  readonly line: string
  /** The line was too long for one entry: it goes on in the next entry of its stream. */
  readonly cut?: true
}

/** Streams that a program writes to raw files. */
export type RawStream = Extract<LogStream, 'stdout' | 'stderr'>

/** Streams whose lines are handed over once their program has ended. */
export type HookStream = Exclude<LogStream, RawStream>

/** How far the raw files are read, in bytes. */
export type RawOffsets = Readonly<Record<RawStream, number>>

/** Begins each segment: whose lines it holds, and the cursor at its start, so that older segments may go. */
export interface SegmentHeader {
  readonly node: string
  readonly app: string
  readonly version: string
  /** As `AppLogEntry` has it. */
  readonly instance: string
  /** Of the first line in this segment. */
  readonly firstSeq: number
  readonly offsets: RawOffsets
  /** Times of the lines in the segment before, so that a query can pass over it unread. */
  readonly previous: TimeRange | null
}

export interface TimeRange {
  readonly minMs: number
  readonly maxMs: number
}

/** What one append writes: lines, and the place in the raw files behind them. One frame is there whole or not at all. */
export interface Frame {
  readonly offsets: RawOffsets
  readonly lines: readonly StoredLine[]
}

/** A frame whose lines are decoded only when somebody wants them. */
export interface FrameView {
  readonly kind: 'frame'
  readonly offsets: RawOffsets
  readonly timeMs: number
  readonly firstSeq: number
  readonly count: number
  lines(): StoredLine[]
  /** Where the next frame begins. */
  readonly end: number
}

export type DecodedFrame =
  | FrameView
  | { readonly kind: 'header'; readonly header: SegmentHeader; readonly end: number }
  /** The bytes end within the frame: it is being written, or a crash tore it. */
  | { readonly kind: 'torn' }
  | { readonly kind: 'corrupt' }

/*
 * A frame, all numbers little endian:
 *   u32 length of the payload, u32 CRC-32 of the payload, payload.
 * Payload of a header: magic, JSON.
 * Payload of lines (PPL1): magic, f64 stdout offset, f64 stderr offset, f64 time, f64 first seq, u32 lines, u32 lines of stdout
 * (they come first), JSON [[line, …], [index of a cut line, …]].
 * Payload of lines of a hook (PPL2): the same with the number of the stream (HOOK_STREAMS) in place of the lines of stdout.
 */
const PREFIX_BYTES = 8
const MAGIC_BYTES = 4
const HEADER_MAGIC = Buffer.from('PPH1')
const LINES_MAGIC = Buffer.from('PPL1')
/** What both kinds of lines begin with. */
const ANY_LINES = Buffer.from('PPL')
const HOOK_MAGIC = Buffer.from('PPL2')
/** Their order is part of the format. */
const HOOK_STREAMS: readonly HookStream[] = ['pre-start', 'post-stop']
const LINES_AT = 44
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024

export function encodeHeader(header: SegmentHeader): Buffer {
  const json = JSON.stringify(header)
  const bytes = Buffer.alloc(PREFIX_BYTES + MAGIC_BYTES + Buffer.byteLength(json))
  HEADER_MAGIC.copy(bytes, PREFIX_BYTES)
  bytes.write(json, PREFIX_BYTES + MAGIC_BYTES)
  return seal(bytes)
}

/**
 * The lines must have consecutive numbers and one time. They are of one hook, or what one look at the raw files found, those of
 * stdout first.
 */
export function encodeFrame(frame: Frame): Buffer {
  const { lines, offsets } = frame
  const cut = lines.flatMap((line, index) => (line.cut === true ? [index] : []))
  const json = JSON.stringify([lines.map((line) => line.line), cut])
  const bytes = Buffer.alloc(PREFIX_BYTES + LINES_AT + Buffer.byteLength(json))
  const hook = HOOK_STREAMS.findIndex((stream) => stream === lines[0]?.stream)
  const ofStdout = lines.filter((line) => line.stream === 'stdout').length
  const magic = hook === -1 ? LINES_MAGIC : HOOK_MAGIC
  magic.copy(bytes, PREFIX_BYTES)
  bytes.writeDoubleLE(offsets.stdout, PREFIX_BYTES + 4)
  bytes.writeDoubleLE(offsets.stderr, PREFIX_BYTES + 12)
  bytes.writeDoubleLE(lines[0]?.timeMs ?? 0, PREFIX_BYTES + 20)
  bytes.writeDoubleLE(lines[0]?.seq ?? 0, PREFIX_BYTES + 28)
  bytes.writeUInt32LE(lines.length, PREFIX_BYTES + 36)
  bytes.writeUInt32LE(hook === -1 ? ofStdout : hook, PREFIX_BYTES + 40)
  bytes.write(json, PREFIX_BYTES + LINES_AT)
  return seal(bytes)
}

/** The frame at `start`. */
export function decodeFrame(bytes: Buffer, start: number): DecodedFrame {
  if (bytes.length < start + PREFIX_BYTES) return { kind: 'torn' }
  const length = bytes.readUInt32LE(start)
  const end = start + PREFIX_BYTES + length
  if (length < MAGIC_BYTES || length > MAX_PAYLOAD_BYTES) return { kind: 'corrupt' }
  if (bytes.length < end) return { kind: 'torn' }
  const payload = bytes.subarray(start + PREFIX_BYTES, end)
  if (crc32(payload) !== bytes.readUInt32LE(start + 4)) return { kind: 'corrupt' }
  const magic = payload.subarray(0, MAGIC_BYTES)
  if (magic.equals(HEADER_MAGIC)) {
    const header = JSON.parse(payload.toString('utf8', MAGIC_BYTES)) as SegmentHeader
    return { kind: 'header', header, end }
  }
  const streamAt = streamsOf(magic, payload)
  return streamAt === undefined ? { kind: 'corrupt' } : viewOf(payload, end, streamAt)
}

/** Which stream the line at an index is of; undefined for what is no frame of lines. */
function streamsOf(magic: Buffer, payload: Buffer): ((index: number) => LogStream) | undefined {
  const number = payload.length < LINES_AT ? 0 : payload.readUInt32LE(40)
  if (magic.equals(LINES_MAGIC)) return (index) => (index < number ? 'stdout' : 'stderr')
  const hook = magic.equals(HOOK_MAGIC) ? HOOK_STREAMS[number] : undefined
  return hook === undefined ? undefined : () => hook
}

/** Where, from `start` on, the next sound frame of lines begins; -1 when there is none. */
export function findFrame(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(ANY_LINES, start + PREFIX_BYTES)
  while (at !== -1) {
    if (decodeFrame(bytes, at - PREFIX_BYTES).kind === 'frame') return at - PREFIX_BYTES
    at = bytes.indexOf(ANY_LINES, at + 1)
  }
  return -1
}

function viewOf(payload: Buffer, end: number, streamAt: (index: number) => LogStream): FrameView {
  const timeMs = payload.readDoubleLE(20)
  const firstSeq = payload.readDoubleLE(28)
  return {
    kind: 'frame',
    offsets: { stdout: payload.readDoubleLE(4), stderr: payload.readDoubleLE(12) },
    timeMs,
    firstSeq,
    count: payload.readUInt32LE(36),
    end,
    lines: () => {
      const [lines, cut] = JSON.parse(payload.toString('utf8', LINES_AT)) as [string[], number[]]
      return lines.map((line, index) => ({
        timeMs,
        stream: streamAt(index),
        seq: firstSeq + index,
        line,
        ...(cut.includes(index) ? { cut: true as const } : {}),
      }))
    },
  }
}

function seal(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(bytes.length - PREFIX_BYTES, 0)
  bytes.writeUInt32LE(crc32(bytes.subarray(PREFIX_BYTES)), 4)
  return bytes
}
