import { crc32 } from 'node:zlib'
import type { LogStream } from '@p2p-playground/core'

/** A line as it stands in a segment; node, app and version are the segment's. */
export interface StoredLine {
  readonly timeMs: number
  readonly stream: LogStream
  readonly seq: number
  readonly line: string
}

/** How far the raw files are read, in bytes. */
export interface RawOffsets {
  readonly stdout: number
  readonly stderr: number
}

/** What one append writes: lines, and the place in the raw files behind them. One frame is there whole or not at all. */
export interface Frame {
  readonly offsets: RawOffsets
  readonly lines: readonly StoredLine[]
}

/** Length and CRC-32 of the payload, 32 bits each, little endian. */
const HEADER_BYTES = 8
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024

export function encodeFrame(frame: Frame): Buffer {
  const payload = Buffer.from(
    JSON.stringify([
      frame.offsets.stdout,
      frame.offsets.stderr,
      frame.lines.map((line) => [
        line.timeMs,
        line.stream === 'stdout' ? 1 : 2,
        line.seq,
        line.line,
      ]),
    ]),
  )
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(payload.length, 0)
  header.writeUInt32LE(crc32(payload), 4)
  return Buffer.concat([header, payload])
}

export type DecodedFrame =
  | { readonly kind: 'frame'; readonly frame: Frame; readonly end: number }
  /** The bytes end within the frame: it is being written, or a crash tore it. */
  | { readonly kind: 'torn' }
  | { readonly kind: 'corrupt' }

/** The frame at `start`. */
export function decodeFrame(bytes: Buffer, start: number): DecodedFrame {
  if (bytes.length < start + HEADER_BYTES) return { kind: 'torn' }
  const length = bytes.readUInt32LE(start)
  const end = start + HEADER_BYTES + length
  if (length > MAX_PAYLOAD_BYTES) return { kind: 'corrupt' }
  if (bytes.length < end) return { kind: 'torn' }
  const payload = bytes.subarray(start + HEADER_BYTES, end)
  if (crc32(payload) !== bytes.readUInt32LE(start + 4)) return { kind: 'corrupt' }
  const [stdout, stderr, lines] = JSON.parse(payload.toString('utf8')) as [
    number,
    number,
    [number, number, number, string][],
  ]
  const stored = lines.map(([timeMs, stream, seq, line]) => ({
    timeMs,
    stream: stream === 1 ? ('stdout' as const) : ('stderr' as const),
    seq,
    line,
  }))
  return { kind: 'frame', frame: { offsets: { stdout, stderr }, lines: stored }, end }
}
