import { open, stat } from 'node:fs/promises'
import { PlaygroundError, isPlaygroundError, systemCode } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { fileError } from '../file-error.js'
import { collect } from './byte-reader.js'
import { readTar } from './tar-reader.js'

export const ARCHIVE_NAME = 'app.tar.gz'
export const SIGNATURE_NAME = 'app.tar.gz.sig'

const HOW_TO_MAKE = 'A package is made with "p2p-playground pack DIR".'

/** RSA with 4096 bits signs in 512 bytes. */
const MAX_SIGNATURE_BYTES = 512

export interface OuterVisit {
  /** Called for each chunk of app.tar.gz. */
  readonly onArchive: (chunk: Uint8Array) => void
  readonly maxFileBytes: number
  /** An unsigned package has app.tar.gz alone. */
  readonly allowUnsigned: boolean
  readonly signal?: AbortSignal | undefined
}

/** Where the parts of a `.p2p` file are. */
export interface OuterParts {
  readonly signature: Uint8Array | null
  readonly archiveBytes: number
}

/**
 * Reads the outer tar: exactly app.tar.gz and app.tar.gz.sig, in either order; nothing of it is written anywhere.
 * @throws BUNDLE_NOT_FOUND, BUNDLE_TOO_LARGE, BUNDLE_OUTER, BUNDLE_TRUNCATED, SIGNATURE_MISSING
 */
export async function readOuter(path: string, visit: OuterVisit): Promise<OuterParts> {
  await checkFile(path, visit.maxFileBytes)
  return readOuterFrom(readChunks(path, visit.signal), path, visit)
}

/** `readOuter` of chunks that come from elsewhere, for the file that `path` names in messages. */
export async function readOuterFrom(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  visit: Omit<OuterVisit, 'maxFileBytes' | 'signal'>,
): Promise<OuterParts> {
  let signature: Uint8Array | null = null
  let archiveBytes: number | undefined
  const head = new Head()
  try {
    for await (const entry of readTar(head.of(chunks))) {
      if (entry.type !== 'file') throw outer(`"${entry.path}" is a ${entry.type}`)
      if (entry.path === ARCHIVE_NAME && archiveBytes === undefined) {
        archiveBytes = entry.sizeBytes
        for await (const chunk of entry.body) visit.onArchive(chunk)
      } else if (entry.path === SIGNATURE_NAME && signature === null) {
        if (entry.sizeBytes > MAX_SIGNATURE_BYTES) throw outer('the signature is too long')
        signature = await collect(entry.body, entry.sizeBytes)
      } else throw outer(`it has an entry "${entry.path}" that does not belong there`)
    }
  } catch (error) {
    throw asOuter(error, head.strangeness)
  }
  if (archiveBytes === undefined) throw outer(`it has no ${ARCHIVE_NAME}`)
  if (signature === null && !visit.allowUnsigned) {
    throw new PlaygroundError('SIGNATURE_MISSING', `${path} is not signed`, {
      hint: `Sign it: p2p-playground sign ${path}`,
    })
  }
  return { signature, archiveBytes }
}

/** The bytes of app.tar.gz within a `.p2p` file that `readOuter` has accepted; each chunk is overwritten by the next. */
export async function* readArchive(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const entry of readTar(readChunks(path, signal))) {
    if (entry.path === ARCHIVE_NAME) yield* entry.body
  }
}

const READ_BYTES = 1024 * 1024

/** A file in chunks, each overwritten by the next: reading a large package leaves no garbage. */
async function* readChunks(path: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function checkFile(path: string, maxBytes: number): Promise<void> {
  let size: number
  try {
    const info = await stat(path)
    if (info.isDirectory()) throw notFound(`${path} is a directory, not a package`)
    if (!info.isFile()) throw notFound(`${path} is not a file`)
    size = info.size
  } catch (error) {
    if (isPlaygroundError(error)) throw error
    if (systemCode(error) !== 'ENOENT') throw fileError(error, path)
    throw notFound(`there is no package ${path}`, error)
  }
  checkSize(path, size, maxBytes)
}

function notFound(message: string, cause?: unknown): PlaygroundError {
  return new PlaygroundError('BUNDLE_NOT_FOUND', message, { hint: HOW_TO_MAKE, cause })
}

/** @throws BUNDLE_TOO_LARGE */
export function checkSize(path: string, size: number, maxBytes: number): void {
  if (size > maxBytes) {
    throw new PlaygroundError(
      'BUNDLE_TOO_LARGE',
      `${path} has ${String(size)} bytes, more than ${String(maxBytes)}`,
    )
  }
}

const HEAD_BYTES = 512
/** Where a POSIX.1-2001 header has its magic. */
const MAGIC_AT = 257

/** Tells a file that was never a package from one that was cut, which may be shorter than its first header. */
class Head {
  readonly #bytes = Buffer.alloc(HEAD_BYTES)
  #length = 0

  /** Passes chunks on, and keeps how they begin. */
  async *of(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      if (this.#length < HEAD_BYTES) {
        const part = chunk.subarray(0, HEAD_BYTES - this.#length)
        this.#bytes.set(part, this.#length)
        this.#length += part.length
      }
      yield chunk
    }
  }

  /** Why it never was one; undefined when it begins like a tar, or like as much of one as there is. */
  get strangeness(): string | undefined {
    if (this.#length === 0) return 'it is empty'
    const text = this.#bytes.toString('latin1', 0, this.#length)
    const isNamed = text.startsWith(ARCHIVE_NAME) || ARCHIVE_NAME.startsWith(text)
    return isNamed || text.startsWith('ustar', MAGIC_AT) ? undefined : 'it is no tar archive'
  }
}

function outer(what: string, code: ErrorCode = 'BUNDLE_OUTER'): PlaygroundError {
  return new PlaygroundError(code, `this is no .p2p package: ${what}`, {
    hint: HOW_TO_MAKE,
  })
}

/** What is wrong with a tar here is wrong with the outer file. */
function asOuter(error: unknown, strangeness: string | undefined): unknown {
  if (!isPlaygroundError(error)) return error
  if (error.code === 'BUNDLE_ENTRY') return outer(strangeness ?? error.message)
  if (error.code !== 'BUNDLE_TRUNCATED' || strangeness === undefined) return error
  return outer(strangeness, error.code)
}
