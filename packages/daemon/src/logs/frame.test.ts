import { describe, expect, it } from 'vitest'
import { decodeFrame, encodeFrame, encodeHeader, findFrame } from './frame.js'
import type { Frame, StoredLine } from './frame.js'

const line = (seq: number, text: string, extra: Partial<StoredLine> = {}): StoredLine => ({
  timeMs: 1_700_000_000_123,
  stream: 'stdout',
  seq,
  line: text,
  ...extra,
})

const FRAME: Frame = {
  offsets: { stdout: 2 ** 40 + 7, stderr: 12 },
  lines: [
    line(41, 'plain'),
    line(42, '', { cut: true }),
    line(43, 'NUL \0, tab \t, escape \x1b[31m, "quotes", ü 漢 🙂', { stream: 'stderr' }),
  ],
}

const OLD_FRAME =
  'PgAAAI+w5z9QUEwxAAAAAAAAEEAAAAAAAAAQQACwh1b+vHhCAAAAAAAAHEACAAAAAQAAAFtbIm91dCIsImVyciJdLFtdXQ=='

describe('a frame', () => {
  it('gives back what was put in', () => {
    const bytes = encodeFrame(FRAME)
    const decoded = decodeFrame(bytes, 0)
    if (decoded.kind !== 'frame') throw new Error(decoded.kind)
    expect(decoded).toMatchObject({ offsets: FRAME.offsets, firstSeq: 41, count: 3 })
    expect(decoded.lines()).toEqual(FRAME.lines)
    expect(decoded.end).toBe(bytes.length)
  })

  it.each(['pre-start', 'post-stop'] as const)('gives back lines of %s', (stream) => {
    const frame = { ...FRAME, lines: FRAME.lines.map((one) => ({ ...one, stream })) }
    const decoded = decodeFrame(encodeFrame(frame), 0)
    if (decoded.kind !== 'frame') throw new Error(decoded.kind)
    expect(decoded).toMatchObject({ offsets: FRAME.offsets, firstSeq: 41, count: 3 })
    expect(decoded.lines()).toEqual(frame.lines)
  })

  it('reads as it did before there were hooks', () => {
    // Written by the version before: a line of stdout and one of stderr.
    const bytes = Buffer.from(OLD_FRAME, 'base64')
    const decoded = decodeFrame(bytes, 0)
    if (decoded.kind !== 'frame') throw new Error(decoded.kind)
    expect(decoded.offsets).toEqual({ stdout: 4, stderr: 4 })
    expect(decoded.lines()).toEqual([
      { timeMs: 1_700_000_000_123, stream: 'stdout', seq: 7, line: 'out' },
      { timeMs: 1_700_000_000_123, stream: 'stderr', seq: 8, line: 'err' },
    ])
  })

  it('may hold no line, only a cursor', () => {
    const decoded = decodeFrame(encodeFrame({ offsets: { stdout: 0, stderr: 0 }, lines: [] }), 0)
    expect(decoded).toMatchObject({ kind: 'frame', count: 0, offsets: { stdout: 0, stderr: 0 } })
  })

  it('is torn wherever it is cut', () => {
    const bytes = encodeFrame(FRAME)
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeFrame(bytes.subarray(0, length), 0).kind).toBe('torn')
    }
  })

  it('is not sound with any one byte changed', () => {
    const bytes = encodeFrame(FRAME)
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0x41
      expect(decodeFrame(changed, 0).kind).not.toBe('frame')
    }
  })

  it('is found behind garbage, even behind what looks like its beginning', () => {
    const garbage = Buffer.from('xxPPL1 PPL1 and so on')
    const bytes = Buffer.concat([garbage, encodeFrame(FRAME)])
    expect(findFrame(bytes, 0)).toBe(garbage.length)
    expect(findFrame(bytes, garbage.length + 1)).toBe(-1)
    const hook = encodeFrame({ ...FRAME, lines: [line(1, 'x', { stream: 'pre-start' })] })
    expect(findFrame(Buffer.concat([garbage, hook]), 0)).toBe(garbage.length)
  })
})

describe('the header of a segment', () => {
  it('gives back what was put in', () => {
    const header = {
      node: 'n',
      app: 'a',
      version: '1.0.0-ü',
      instance: '00ff00ff00ff',
      firstSeq: 7,
      offsets: { stdout: 1, stderr: 2 },
      previous: { minMs: 3, maxMs: 4 },
    }
    expect(decodeFrame(encodeHeader(header), 0)).toMatchObject({ kind: 'header', header })
  })
})
