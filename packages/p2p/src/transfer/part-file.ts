import { createHash } from 'node:crypto'
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
    for (const [index, piece] of this.#list.pieces.entries()) {
      const buffer = Buffer.allocUnsafe(piece.sizeBytes)
      const { bytesRead } = await this.#file.read(
        buffer,
        0,
        piece.sizeBytes,
        this.#offsets[index] ?? 0,
      )
      const digest = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest()
      if (bytesRead !== piece.sizeBytes || !digest.equals(piece.digest)) missing.push(index)
    }
    return missing
  }

  /**
   * Writes a piece that came in parts, once its SHA-256 is right.
   * @throws TRANSFER_PIECE, TRANSFER_DISK
   */
  async write(index: number, parts: readonly Uint8Array[]): Promise<void> {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    const piece = this.#list.pieces[index]
    if (piece === undefined || !hash.digest().equals(piece.digest)) {
      throw new PlaygroundError(
        'TRANSFER_PIECE',
        `piece ${String(index)} is not what the offer says`,
      )
    }
    let offset = this.#offsets[index] ?? 0
    try {
      const buffer = Buffer.concat(parts)
      for (let done = 0; done < buffer.length;) {
        const { bytesWritten } = await this.#file.write(buffer, done, buffer.length - done, offset)
        done += bytesWritten
        offset += bytesWritten
      }
    } catch (error) {
      throw diskError(error, this.#path)
    }
  }

  /** All of it on disk, and nothing behind its end. */
  async finish(): Promise<void> {
    try {
      await this.#file.truncate(this.#list.sizeBytes)
      await this.#file.datasync()
    } catch (error) {
      throw diskError(error, this.#path)
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

function diskError(error: unknown, path: string): unknown {
  const code = systemCode(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EROFS' && code !== 'EACCES') return error
  return new PlaygroundError(
    'TRANSFER_DISK',
    `cannot write ${path}: ${code === 'ENOSPC' ? 'no space left' : code}`,
    {
      hint: 'Free space on that disk; what arrived already is kept.',
      cause: error,
    },
  )
}
