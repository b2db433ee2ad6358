import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ContentChunker } from './content-chunker.js'

const SIZES = { minBytes: 256, averageBytes: 1024, maxBytes: 2048 }

/** The same bytes on every machine. */
const DATA = Buffer.concat(
  Array.from({ length: 1000 }, (_, index) => createHash('sha256').update(String(index)).digest()),
)

/** Ends of the chunks of `data` when it comes in parts of so many bytes. */
function cuts(data: Uint8Array, partBytes: number): number[] {
  const chunker = new ContentChunker(SIZES)
  const ends: number[] = []
  for (let from = 0; from < data.length; from += partBytes) {
    const part = data.subarray(from, from + partBytes)
    for (let start = 0; start < part.length;) {
      const { end, cut } = chunker.scan(part, start)
      if (cut) ends.push(from + end)
      start = end
    }
  }
  return ends
}

describe('content-defined chunks', () => {
  it('end where they always did: where is part of the package format', () => {
    expect(cuts(DATA, DATA.length).slice(0, 8)).toEqual([
      389, 1654, 2791, 3251, 4972, 5741, 6205, 7937,
    ])
  })

  it.each([1, 7, 255, 256, 257, 2047, 2048, 2049])('are the same in parts of %i bytes', (bytes) => {
    expect(cuts(DATA, bytes)).toEqual(cuts(DATA, DATA.length))
  })

  it('are neither shorter nor longer than they may be', () => {
    const ends = [0, ...cuts(DATA, DATA.length)]
    const sizes = ends.slice(1).map((end, index) => end - (ends[index] ?? 0))
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(SIZES.minBytes)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(SIZES.maxBytes)
    // Zeros never give a cut of their own.
    expect(cuts(Buffer.alloc(5000), 5000)).toEqual([2048, 4096])
  })
})
