import { crc32, createInflateRaw, deflateRaw } from 'node:zlib'
import { constants } from 'node:zlib'
import { promisify } from 'node:util'
import { PlaygroundError } from '../errors.js'

const deflate = promisify<Uint8Array, { level: number; finishFlush: number }, Buffer>(deflateRaw)

/** RFC 1952: magic, deflate, no flags, no time, no extra flags, Unix. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
const FLAG_NAME = 0x08
/** CRC-32 and size. */
const TRAILER_BYTES = 8
/** An empty last block with fixed Huffman codes (RFC 1951, 3.2.6). */
const LAST_BLOCK = Buffer.from([0x03, 0x00])
const LEVEL = 6
/** Large, because each output is a way to another thread and back, and an allocation. */
const OUTPUT_BYTES = 256 * 1024
/** Chunks that are compressed at the same time. */
const PARALLEL = 4

/**
 * Compresses chunks to one gzip member in which no chunk refers to another: the same chunk always gives the same bytes,
 * wherever it stands. Chunks are compressed on several threads, in order.
 */
export async function* gzipChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield HEADER
  let crc = 0
  let sizeBytes = 0
  const pending: Promise<Buffer>[] = []
  for await (const chunk of chunks) {
    crc = crc32(chunk, crc)
    sizeBytes += chunk.length
    pending.push(deflate(chunk, { level: LEVEL, finishFlush: constants.Z_FULL_FLUSH }))
    if (pending.length >= PARALLEL) yield (await pending.shift()) ?? Buffer.alloc(0)
  }
  for (const last of pending) yield await last
  yield LAST_BLOCK
  const trailer = Buffer.alloc(TRAILER_BYTES)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(sizeBytes % 2 ** 32, 4)
  yield trailer
}

/**
 * Expands exactly one gzip member that fills the source to its last byte. The source may overwrite a chunk when it is asked
 * for the next.
 * @throws BUNDLE_ENTRY for anything else: another format, a second member, bytes behind the end, a wrong checksum
 */
export async function* gunzipSingle(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw({ chunkSize: OUTPUT_BYTES })
  const input = source[Symbol.asyncIterator]()
  const head = await readHeader(input)
  let fed = 0
  let last = Buffer.alloc(0)
  const feeding = feed(input, head.rest, inflate, (chunk) => {
    fed += chunk.length
    last = Buffer.concat([last, chunk.subarray(-TRAILER_BYTES)]).subarray(-TRAILER_BYTES)
  })
  // Its failure shows as the stream's error below.
  feeding.catch(() => undefined)
  let crc = 0
  let sizeBytes = 0
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      crc = crc32(chunk, crc)
      sizeBytes += chunk.length
      yield chunk
    }
    await feeding
  } catch (cause) {
    if (cause instanceof PlaygroundError) throw cause
    throw new PlaygroundError('BUNDLE_ENTRY', 'app.tar.gz is no sound gzip data', { cause })
  } finally {
    inflate.destroy()
  }
  if (fed - inflate.bytesWritten !== TRAILER_BYTES) {
    throw new PlaygroundError(
      'BUNDLE_ENTRY',
      'app.tar.gz has bytes behind its gzip data, or lacks its checksum',
    )
  }
  if (last.readUInt32LE(0) !== crc || last.readUInt32LE(4) !== sizeBytes % 2 ** 32) {
    throw new PlaygroundError('BUNDLE_ENTRY', 'the gzip checksum of app.tar.gz is wrong')
  }
}

async function readHeader(input: AsyncIterator<Uint8Array>): Promise<{ rest: Buffer }> {
  try {
    return await findHeader(input)
  } catch (error) {
    await input.return?.()
    throw error
  }
}

async function findHeader(input: AsyncIterator<Uint8Array>): Promise<{ rest: Buffer }> {
  let buffer = Buffer.alloc(0)
  for (;;) {
    const end = headerEnd(buffer)
    if (end !== undefined) return { rest: buffer.subarray(end) }
    const next = await input.next()
    if (next.done === true || buffer.length > 65_536) {
      throw new PlaygroundError('BUNDLE_ENTRY', 'app.tar.gz is not gzip data')
    }
    buffer = Buffer.concat([buffer, next.value])
  }
}

function headerEnd(buffer: Buffer): number | undefined {
  if (buffer.length < 10) return undefined
  const flags = buffer[3] ?? 0
  if (buffer[0] !== 0x1f || buffer[1] !== 0x8b || buffer[2] !== 8 || (flags & ~FLAG_NAME) !== 0) {
    throw new PlaygroundError('BUNDLE_ENTRY', 'app.tar.gz is not plain gzip data')
  }
  if (flags === 0) return 10
  const end = buffer.indexOf(0, 10)
  return end === -1 ? undefined : end + 1
}

async function feed(
  input: AsyncIterator<Uint8Array>,
  first: Buffer,
  inflate: ReturnType<typeof createInflateRaw>,
  seen: (chunk: Uint8Array) => void,
): Promise<void> {
  let chunk: Uint8Array | undefined = first
  try {
    while (chunk !== undefined && !inflate.destroyed) {
      seen(chunk)
      await written(inflate, chunk)
      const next = await input.next()
      chunk = next.done === true ? undefined : next.value
    }
    inflate.end()
  } catch (error) {
    inflate.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  } finally {
    await input.return?.()
  }
}

/** Resolves when the chunk was read, or never will be. */
async function written(
  inflate: ReturnType<typeof createInflateRaw>,
  chunk: Uint8Array,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const go = (): void => {
    resolve(undefined)
  }
  inflate.once('close', go).once('end', go)
  inflate.write(chunk, go)
  await promise
  inflate.off('close', go).off('end', go)
}
