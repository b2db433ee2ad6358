import { Header } from 'tar/header'
import { Pax } from 'tar/pax'
import { PlaygroundError } from '../errors.js'
import { ByteReader } from './byte-reader.js'

const BLOCK = 512
/** Long enough for every path that we accept, in a pax record. */
const MAX_PAX_BYTES = 64 * 1024
/** Both spellings in use: GNU tar's and node-tar's. */
const CHECKSUM_FIELD = /^[0-7]{6}(?:\0 | \0)$/

export interface TarEntry {
  readonly type: 'file' | 'directory' | 'symlink'
  readonly path: string
  readonly mode: number
  readonly sizeBytes: number
  /** Empty unless a symlink. */
  readonly target: string
  /** To be read to its end before the next entry is asked for. */
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Walks a tar stream (POSIX.1-2001 ustar, with pax records for long paths and nothing else). node-tar decodes the headers;
 * the walk is ours because its parser lets duplicates, lying sizes and bytes behind the end pass.
 * @throws BUNDLE_ENTRY, BUNDLE_TRUNCATED
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(source)
  let pax: { path?: string; linkpath?: string } | undefined
  try {
    for (;;) {
      const block = await reader.exactly(BLOCK)
      if (block === undefined) throw truncated()
      if (isZero(block)) {
        if (pax !== undefined) throw refused('a pax record stands before the end')
        await readEnd(reader)
        return
      }
      const header = decode(block)
      if (header.typeKey === 'x') {
        if (pax !== undefined) throw refused('two pax records follow each other')
        pax = await readPax(reader, header.size ?? 0)
        continue
      }
      const entry = toEntry(header, pax)
      pax = undefined
      const body = new Body(reader, entry.sizeBytes)
      yield { ...entry, body }
      await body.finish()
    }
  } finally {
    await reader.close()
  }
}

function decode(block: Buffer): Header {
  if (!CHECKSUM_FIELD.test(block.toString('latin1', 148, 156)))
    throw refused('a header has no sound checksum')
  const header = decodeHeader(block)
  if (!header.cksumValid) throw refused('a header has a wrong checksum')
  const size = /^[0-7]+(?=[ \0]|$)/.exec(block.toString('latin1', 124, 136))?.[0]
  // The decoder takes the size of some types for 0, whatever the header says.
  if (size === undefined || Number.parseInt(size, 8) !== header.size) {
    throw refused(`"${header.path ?? ''}" has no sound size`)
  }
  if (block.toString('latin1', 257, 262) !== 'ustar')
    throw refused('a header is not in ustar format')
  return header
}

function decodeHeader(block: Buffer): Header {
  try {
    return new Header(block)
  } catch (cause) {
    throw new PlaygroundError('BUNDLE_ENTRY', 'a header cannot be decoded', { cause })
  }
}

function toEntry(
  header: Header,
  pax: { path?: string; linkpath?: string } | undefined,
): Omit<TarEntry, 'body'> {
  const path = pax?.path ?? header.path ?? ''
  const sizeBytes = header.size ?? -1
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw refused(`"${path}" has no sound size`)
  const mode = header.mode ?? 0
  const key: string = header.typeKey
  if (key === '0' || key === '') return { type: 'file', path, mode, sizeBytes, target: '' }
  if (key !== '5' && key !== '2') {
    throw refused(
      `"${path}" is a ${kindOf(header)}; only files, directories and symlinks may be in a package`,
    )
  }
  if (sizeBytes !== 0) throw refused(`"${path}" is no file, but has content`)
  return key === '5'
    ? { type: 'directory', path, mode, sizeBytes, target: '' }
    : { type: 'symlink', path, mode, sizeBytes, target: pax?.linkpath ?? header.linkpath ?? '' }
}

function kindOf(header: Header): string {
  const names: Readonly<Record<string, string>> = {
    '1': 'hard link',
    '3': 'character device',
    '4': 'block device',
    '6': 'fifo',
    '7': 'contiguous file',
    g: 'global pax record',
    L: 'GNU long name',
    K: 'GNU long link',
    S: 'GNU sparse file',
  }
  return names[header.typeKey] ?? `entry of type ${header.typeKey}`
}

async function readPax(
  reader: ByteReader,
  sizeBytes: number,
): Promise<{ path?: string; linkpath?: string }> {
  if (sizeBytes <= 0 || sizeBytes > MAX_PAX_BYTES) throw refused('a pax record has no sound size')
  const body = await reader.exactly(sizeBytes)
  if (body === undefined) throw truncated()
  await skipPadding(reader, sizeBytes)
  if (body.includes(0)) throw refused('a pax record holds a NUL')
  const keys = [...body.toString('utf8').matchAll(/^\d+ ([^=\n]+)=/gm)].map(
    (match) => match[1] ?? '',
  )
  const strange = keys.find(
    (key) =>
      key !== 'path' && key !== 'linkpath' && key !== 'mtime' && key !== 'atime' && key !== 'ctime',
  )
  if (strange !== undefined) throw refused(`a pax record sets "${strange}"`)
  if (new Set(keys).size !== keys.length || keys.length === 0)
    throw refused('a pax record repeats itself')
  const { path, linkpath } = Pax.parse(body.toString('utf8'))
  return {
    ...(path === undefined ? {} : { path }),
    ...(linkpath === undefined ? {} : { linkpath }),
  }
}

/** After the first zero block: a second one, and nothing but zeros to the end. */
async function readEnd(reader: ByteReader): Promise<void> {
  const second = await reader.exactly(BLOCK)
  if (second === undefined || !isZero(second)) throw truncated()
  for (let rest = await reader.some(BLOCK); rest !== undefined; rest = await reader.some(BLOCK)) {
    if (!isZero(rest)) throw refused('there are bytes behind the end')
  }
  if (reader.position % BLOCK !== 0) throw truncated()
}

async function skipPadding(reader: ByteReader, sizeBytes: number): Promise<void> {
  const length = (BLOCK - (sizeBytes % BLOCK)) % BLOCK
  const padding = await reader.exactly(length)
  if (padding === undefined) throw truncated()
  if (!isZero(padding)) throw refused('the padding of an entry is not zero')
}

class Body implements AsyncIterable<Uint8Array> {
  readonly #reader: ByteReader
  readonly #sizeBytes: number
  #left: number

  constructor(reader: ByteReader, sizeBytes: number) {
    this.#reader = reader
    this.#sizeBytes = sizeBytes
    this.#left = sizeBytes
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      const part = await this.#reader.some(this.#left)
      if (part === undefined) throw truncated()
      this.#left -= part.length
      yield part
    }
  }

  /** Reads on to the next header, whatever was read of the body. */
  async finish(): Promise<void> {
    while (this.#left > 0) {
      const part = await this.#reader.some(this.#left)
      if (part === undefined) throw truncated()
      this.#left -= part.length
    }
    await skipPadding(this.#reader, this.#sizeBytes)
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}

function refused(what: string): PlaygroundError {
  return new PlaygroundError('BUNDLE_ENTRY', what, {
    hint: 'Pack the application with "p2p-playground pack".',
  })
}

function truncated(): PlaygroundError {
  return new PlaygroundError('BUNDLE_TRUNCATED', 'the archive ends too early', {
    hint: 'Copy or download the package again.',
  })
}
