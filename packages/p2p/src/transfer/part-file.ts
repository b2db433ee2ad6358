import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { PlaygroundError, systemCode } from '@p2p-playground/core'
import type { Piece, PieceList } from '@p2p-playground/core/bundle'
import { offsetsOf } from './piece-server.js'

/** Gets the file's bytes from the first to the last; they may be overwritten once it resolves. */
export type Reader = (bytes: Uint8Array) => Promise<void>

/**
 * A file that arrives in pieces. What it holds already is found by hashing it, so nothing beside it can be out of step.
 * A reader can follow it: it is told the bytes in order, most of them just as they come.
 */
export class PartFile {
  readonly #list: PieceList
  readonly #path: string
  readonly #file: FileHandle
  readonly #offsets: readonly number[]
  readonly #reader: Reader | undefined
  /** Pieces that are here but were not read yet. */
  readonly #unread = new Set<number>()
  #nextToRead = 0
  #isReading = false

  private constructor(list: PieceList, path: string, file: FileHandle, reader?: Reader) {
    this.#list = list
    this.#path = path
    this.#file = file
    this.#offsets = offsetsOf(list)
    this.#reader = reader
  }

  /** @throws TRANSFER_DISK */
  static async open(list: PieceList, path: string, reader?: Reader): Promise<PartFile> {
    try {
      const file = await open(path, 'a+', 0o600)
      await file.close()
      return new PartFile(list, path, await open(path, 'r+'), reader)
    } catch (error) {
      throw diskError(error, path)
    }
  }

  /** Numbers of the pieces that are not here or not sound. */
  async missing(): Promise<number[]> {
    const { size } = await this.#file.stat()
    if (size === 0) return this.#list.pieces.map((_, index) => index)
    const missing: number[] = []
    const buffer = this.#pieceBuffer()
    for (const [index, piece] of this.#list.pieces.entries()) {
      if (isSound(piece, await this.#readPiece(index, buffer))) this.#unread.add(index)
      else missing.push(index)
    }
    await this.#readOn()
    return missing
  }

  /**
   * Writes a piece, once its SHA-256 is right unless `unchecked`.
   * @throws TRANSFER_PIECE, TRANSFER_DISK
   */
  async write(
    index: number,
    bytes: Uint8Array,
    { source, unchecked }: { readonly source: string; readonly unchecked: boolean },
  ): Promise<void> {
    const piece = this.#list.pieces[index]
    if (piece === undefined || !(unchecked || isSound(piece, bytes))) {
      throw new PlaygroundError(
        'TRANSFER_PIECE',
        `piece ${String(index)} from ${source} is not what the offer says`,
      )
    }
    try {
      await this.#writeAll(bytes, this.#offsets[index] ?? 0)
    } catch (error) {
      throw diskError(error, this.#path)
    }
    this.#unread.add(index)
    await this.#readOn({ index, bytes })
  }

  /**
   * Nothing stands behind its end. It is not synced: what a power cut takes of it is found by `missing`, and what is kept of
   * a package for good is what is unpacked from it.
   */
  async finish(): Promise<void> {
    try {
      await this.#file.truncate(this.#list.sizeBytes)
    } catch (error) {
      throw diskError(error, this.#path)
    }
  }

  /** Tells the reader all that follows what it read last; one call at a time is enough for all. */
  async #readOn(fresh?: { readonly index: number; readonly bytes: Uint8Array }): Promise<void> {
    if (this.#reader === undefined || this.#isReading) return
    this.#isReading = true
    try {
      let buffer: Buffer | undefined
      while (this.#unread.delete(this.#nextToRead)) {
        const index = this.#nextToRead
        const bytes =
          index === fresh?.index
            ? fresh.bytes
            : await this.#readPiece(index, (buffer ??= this.#pieceBuffer()))
        await this.#reader(bytes)
        this.#nextToRead += 1
      }
    } finally {
      this.#isReading = false
    }
  }

  async #readPiece(index: number, buffer: Buffer): Promise<Buffer> {
    const length = this.#list.pieces[index]?.sizeBytes ?? 0
    const { bytesRead } = await this.#file.read(buffer, 0, length, this.#offsets[index] ?? 0)
    return buffer.subarray(0, bytesRead)
  }

  /** Holds any one piece. */
  #pieceBuffer(): Buffer {
    return Buffer.allocUnsafeSlow(Math.max(...this.#list.pieces.map((piece) => piece.sizeBytes)))
  }

  async #writeAll(bytes: Uint8Array, start: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(
        bytes,
        done,
        bytes.length - done,
        start + done,
      )
      done += bytesWritten
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

function isSound(piece: Piece, bytes: Uint8Array): boolean {
  return bytes.length === piece.sizeBytes && hash('sha256', bytes, 'buffer').equals(piece.digest)
}

function diskError(error: unknown, path: string): unknown {
  const code = systemCode(error)
  if (code === undefined) return error
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new PlaygroundError(
    'TRANSFER_DISK',
    `cannot write ${path}: ${isFull ? 'no space left' : code}`,
    {
      hint: isFull
        ? 'Free space on that disk; what arrived already is kept.'
        : 'Make it writable for the user that the daemon runs as.',
      cause: error,
    },
  )
}
