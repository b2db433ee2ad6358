import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { PlaygroundError, systemCode } from '@p2p-playground/core'
import type { PieceList } from '@p2p-playground/core/bundle'
import { offsetsOf } from './piece-server.js'

/**
 * A file that arrives in pieces. What it holds already is found by hashing it, so nothing beside it can be out of step.
 */
export class PartFile {
  readonly #list: PieceList
  readonly #path: string
  readonly #file: FileHandle
  readonly #offsets: readonly number[]

  private constructor(list: PieceList, path: string, file: FileHandle) {
    this.#list = list
    this.#path = path
    this.#file = file
    this.#offsets = offsetsOf(list)
  }

  /** @throws TRANSFER_DISK */
  static async open(list: PieceList, path: string): Promise<PartFile> {
    try {
      const file = await open(path, 'a+', 0o600)
      await file.close()
      return new PartFile(list, path, await open(path, 'r+'))
    } catch (error) {
      throw diskError(error, path)
    }
  }

  /** Numbers of the pieces that are not here or not sound. */
  async missing(): Promise<number[]> {
    const { size } = await this.#file.stat()
    if (size === 0) return this.#list.pieces.map((_, index) => index)
    const missing: number[] = []
    const largest = Math.max(...this.#list.pieces.map((piece) => piece.sizeBytes))
    const buffer = Buffer.allocUnsafe(largest)
    for (const [index, piece] of this.#list.pieces.entries()) {
      const { bytesRead } = await this.#file.read(
        buffer,
        0,
        piece.sizeBytes,
        this.#offsets[index] ?? 0,
      )
      const digest = hash('sha256', buffer.subarray(0, bytesRead), 'buffer')
      if (bytesRead !== piece.sizeBytes || !digest.equals(piece.digest)) missing.push(index)
    }
    return missing
  }

  /**
   * Writes a piece, once its SHA-256 is right.
   * @throws TRANSFER_PIECE, TRANSFER_DISK
   */
  async write(index: number, bytes: Uint8Array, source: string): Promise<void> {
    const piece = this.#list.pieces[index]
    if (piece === undefined || !hash('sha256', bytes, 'buffer').equals(piece.digest)) {
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
