export interface ChunkSizes {
  readonly minBytes: number
  /** A power of two. */
  readonly averageBytes: number
  readonly maxBytes: number
}

/** One 32-bit number per byte value, from a fixed generator: the cuts are part of the package format. */
const GEAR = gearTable()

/**
 * Finds cut points that depend only on the bytes just before them (gear hash: Xia et al., FastCDC, USENIX ATC 2016), so
 * that an insertion moves the cuts near it and no others.
 */
export class ContentChunker {
  readonly #sizes: ChunkSizes
  readonly #bits: number
  #hash = 0
  #length = 0

  constructor(sizes: ChunkSizes) {
    this.#sizes = sizes
    this.#bits = 32 - Math.round(Math.log2(sizes.averageBytes - sizes.minBytes))
  }

  /** How many bytes of `data`, from `start`, belong to the current chunk, and whether it ends there. */
  scan(data: Uint8Array, start: number): { readonly end: number; readonly cut: boolean } {
    const { minBytes, maxBytes } = this.#sizes
    // The hash forgets a byte after 32 steps: far before the earliest cut it need not be fed.
    const skip = Math.max(0, minBytes - 64 - this.#length)
    let index = Math.min(start + skip, data.length)
    const before = this.#length - start
    let hash = this.#hash
    const shift = this.#bits
    // Two loops, because this one runs for every byte of a package: no cut may be in the first, one may be anywhere in the second.
    for (const first = Math.min(minBytes - 1 - before, data.length); index < first; index += 1) {
      hash = ((hash << 1) + (GEAR[data[index] ?? 0] ?? 0)) | 0
    }
    for (const last = Math.min(maxBytes - 1 - before, data.length); index < last; index += 1) {
      hash = ((hash << 1) + (GEAR[data[index] ?? 0] ?? 0)) | 0
      if (hash >>> shift === 0) return this.#cut(index + 1)
    }
    if (index < data.length) return this.#cut(index + 1)
    this.#hash = hash
    this.#length = before + index
    return { end: index, cut: false }
  }

  #cut(end: number): { readonly end: number; readonly cut: true } {
    this.#hash = 0
    this.#length = 0
    return { end, cut: true }
  }
}

/** Regroups a stream into content-defined chunks. */
export async function* chunkStream(
  source: AsyncIterable<Uint8Array>,
  sizes: ChunkSizes,
): AsyncGenerator<Uint8Array> {
  const chunker = new ContentChunker(sizes)
  let parts: Uint8Array[] = []
  for await (const data of source) {
    let start = 0
    while (start < data.length) {
      const { end, cut } = chunker.scan(data, start)
      parts.push(data.subarray(start, end))
      start = end
      if (cut) {
        yield parts.length === 1 ? (parts[0] ?? data) : Buffer.concat(parts)
        parts = []
      }
    }
  }
  if (parts.length > 0) yield Buffer.concat(parts)
}

/** splitmix32 from a fixed seed. */
function gearTable(): Int32Array {
  const table = new Int32Array(256)
  let state = 0x9e3779b9
  for (let index = 0; index < 256; index += 1) {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    table[index] = mixed ^ (mixed >>> 15)
  }
  return table
}
