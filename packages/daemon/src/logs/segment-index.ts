import { open } from 'node:fs/promises'
import type { FrameView } from './frame.js'

const EVERY_BYTES = 64 * 1024

/** Where in a segment to begin to look for a line, so that whoever reads on need not read from the start again. */
export class SegmentIndex {
  /** Lines from `seq` on lie at `at` or behind it. */
  readonly #points: { readonly seq: number; readonly at: number }[] = []

  /** Lines before `seq` lie before `at`. Keeps a place now and then. */
  add(seq: number, at: number): void {
    if (at - (this.#points.at(-1)?.at ?? 0) >= EVERY_BYTES) this.#points.push({ seq, at })
  }

  /** The same for frames that were read from `start` on. */
  addFrames(frames: readonly FrameView[], start: number): void {
    for (const { firstSeq, count, end } of frames)
      if (count > 0) this.add(firstSeq + count, start + end)
  }

  startOf(seq: number): number {
    return this.#points.findLast((point) => point.seq <= seq)?.at ?? 0
  }
}

/** The bytes of a file from `start` to `end`; fewer where it ends before. */
export async function readSlice(path: string, start: number, end: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const bytes = Buffer.alloc(Math.max(0, end - start))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
    return bytes.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
