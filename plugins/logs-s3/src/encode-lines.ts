import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { LogEntry } from '@p2p-playground/core'

/** About as much text as is handed on at once, so that a large batch does not hold up the daemon. */
const CHUNK_CHARS = 64 * 1024

export interface EncodedLines {
  /** Gzip of NDJSON: a line for each entry, with all its fields. */
  readonly body: Buffer
  /** SHA-256 of the NDJSON, hexadecimal. */
  readonly digest: string
}

/** The same bytes for the same entries. */
export async function encodeLines(
  entries: readonly LogEntry[],
  signal: AbortSignal,
): Promise<EncodedLines> {
  const hash = createHash('sha256')
  const parts: Buffer[] = []
  // Node's gzip has neither a time nor a name in its header.
  await pipeline(
    textOf(entries, hash),
    createGzip(),
    async (compressed: AsyncIterable<Buffer>) => {
      for await (const part of compressed) parts.push(part)
    },
    { signal },
  )
  return { body: Buffer.concat(parts), digest: hash.digest('hex') }
}

function* textOf(entries: readonly LogEntry[], hash: Hash): Generator<Buffer> {
  let text = ''
  for (const entry of entries) {
    text += `${JSON.stringify(entry)}\n`
    if (text.length < CHUNK_CHARS) continue
    yield hashed(text, hash)
    text = ''
  }
  if (text !== '') yield hashed(text, hash)
}

function hashed(text: string, hash: Hash): Buffer {
  const bytes = Buffer.from(text)
  hash.update(bytes)
  return bytes
}
