import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { isPlaygroundError } from '@p2p-playground/core'
import { MIN_PIECE_BYTES } from '@p2p-playground/core/bundle'
import type { FetchRequest } from './fetch-pieces.js'
import type { PartFile } from './part-file.js'
import { offsetsOf } from './piece-server.js'
import { largestPiece } from './piece-work.js'
import type { PieceWork } from './piece-work.js'

export interface PartContext {
  readonly work: PieceWork
  readonly part: PartFile
  readonly request: FetchRequest
}

/**
 * Takes missing pieces from a file on this machine, up to the first that it has not: what is left comes from the sources. Whoever
 * names a file and is told how far it is right could find out what is in it by guessing small pieces: of these only the last of a
 * file is taken, behind another.
 * @throws TRANSFER_DISK
 */
export async function copyPieces(
  path: string,
  { work, part, request }: PartContext,
): Promise<void> {
  const { list } = request
  const unchecked = request.unchecked === true
  const file = await openSame(path, list.sizeBytes)
  if (file === undefined) return
  const pieces = work.take(Infinity)
  let next = 0
  try {
    const offsets = offsetsOf(list)
    const buffer = Buffer.allocUnsafeSlow(largestPiece(list))
    for (const index of pieces) {
      request.signal.throwIfAborted()
      const piece = buffer.subarray(0, list.pieces[index]?.sizeBytes ?? 0)
      const isRest = index === list.pieces.length - 1 && next > 0
      if (piece.length < MIN_PIECE_BYTES && !isRest) return
      if (!(await readWhole(file, piece, offsets[index] ?? 0))) return
      await part.write(index, piece, { source: path, unchecked })
      next += 1
      work.copied(index)
    }
  } catch (error) {
    // It was changed: the sources have it as it was.
    if (!isPlaygroundError(error) || error.code !== 'TRANSFER_PIECE') throw error
  } finally {
    work.giveBack(pieces.slice(next))
    await file.close()
  }
}

/** Into `piece`; false where the file has become shorter or a disk fails. */
async function readWhole(file: FileHandle, piece: Buffer, offset: number): Promise<boolean> {
  try {
    const { bytesRead } = await file.read(piece, 0, piece.length, offset)
    return bytesRead === piece.length
  } catch {
    // The sources read it themselves, and say what is wrong.
    return false
  }
}

/** A file of that size; undefined when there is none that can be read. */
async function openSame(path: string, sizeBytes: number): Promise<FileHandle | undefined> {
  let file: FileHandle | undefined
  try {
    // Whoever names it may name anything: a pipe must not hold us up.
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const found = await file.stat()
    if (found.isFile() && found.size === sizeBytes) return file
  } catch {
    // Of another user, or of another machine after all.
  }
  await file?.close()
  return undefined
}
