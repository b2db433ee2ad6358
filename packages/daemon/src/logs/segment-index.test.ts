import { describe, expect, it } from 'vitest'
import { openSegments, storedLines, temporaryDir } from './log-fixture.test.support.js'
import { SegmentIndex } from './segment-index.js'
import type { Segments } from './segments.js'

const KIB = 1024
const FRAME_LINES = 10
const FRAMES = 200

/** One segment of some 400 KiB. */
function filled(dir: string): Segments {
  const segments = openSegments(dir)
  for (let frame = 0; frame < FRAMES; frame += 1) {
    const texts = Array.from({ length: FRAME_LINES }, () => 'x'.repeat(200))
    const lines = storedLines(segments.nextSeq, texts)
    segments.append({ offsets: { stdout: frame, stderr: 0 }, lines })
  }
  return segments
}

async function read(
  segments: Segments,
  fromSeq: number,
): Promise<{ readonly seqs: readonly number[]; readonly frames: number }> {
  const [segment] = segments.list()
  const frames = segment === undefined ? [] : await segments.read(segment, fromSeq)
  const seqs = frames.flatMap((frame) => frame.lines().map(({ seq }) => seq))
  return { seqs: seqs.filter((seq) => seq >= fromSeq), frames: frames.length }
}

const from = (seq: number): number[] =>
  Array.from({ length: FRAMES * FRAME_LINES - seq + 1 }, (_, index) => seq + index)

describe('SegmentIndex', () => {
  it('begins at the place before a line, and at the start where it knows none', () => {
    const index = new SegmentIndex()
    expect(index.startOf(1)).toBe(0)
    for (let part = 1; part <= 8; part += 1) index.add(part * 10, part * 40 * KIB)
    expect(index.startOf(19)).toBe(0)
    expect(index.startOf(20)).toBe(80 * KIB)
    expect(index.startOf(39)).toBe(80 * KIB)
    expect(index.startOf(1000)).toBe(320 * KIB)
  })
})

describe('reading a segment from a line on', () => {
  it.each([1, 2, 10, 11, 999, 1000, 1001, 1999, 2000])('gives all from %i', async (seq) => {
    expect((await read(filled(temporaryDir()), seq)).seqs).toEqual(from(seq))
  })

  it('leaves out most of what lies before, also of one that was opened again', async () => {
    const dir = temporaryDir()
    const segments = filled(dir)
    expect((await read(segments, 2000)).frames).toBeLessThan(FRAMES / 4)
    await segments.close()
    const again = openSegments(dir)
    expect((await read(again, 2000)).frames).toBe(FRAMES)
    expect(await read(again, 1990)).toEqual({
      seqs: from(1990),
      frames: expect.any(Number) as number,
    })
    expect((await read(again, 2000)).frames).toBeLessThan(FRAMES / 4)
  })
})
