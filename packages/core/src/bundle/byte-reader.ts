/** Reads exact amounts from a stream of chunks, each of which may be overwritten by the next. */
export class ByteReader {
  readonly #input: AsyncIterator<Uint8Array>
  #buffer: Uint8Array = new Uint8Array(0)
  #position = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#input = source[Symbol.asyncIterator]()
  }

  /** Bytes handed out so far. */
  get position(): number {
    return this.#position
  }

  /** Up to `limit` bytes, at least one; undefined at the end. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#buffer.length === 0) {
      const next = await this.#input.next()
      if (next.done === true) return undefined
      this.#buffer = next.value
    }
    const taken = this.#buffer.subarray(0, limit)
    this.#buffer = this.#buffer.subarray(taken.length)
    this.#position += taken.length
    return taken
  }

  /** A copy of exactly `length` bytes; undefined when the stream ends before. */
  async exactly(length: number): Promise<Buffer | undefined> {
    const bytes = Buffer.alloc(length)
    let have = 0
    while (have < length) {
      const part = await this.some(length - have)
      if (part === undefined) return undefined
      bytes.set(part, have)
      have += part.length
    }
    return bytes
  }

  async close(): Promise<void> {
    await this.#input.return?.()
  }
}

/** A copy of all that comes, which is `sizeBytes`. */
export async function collect(
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes)
  let have = 0
  for await (const part of source) {
    bytes.set(part, have)
    have += part.length
  }
  return bytes
}
