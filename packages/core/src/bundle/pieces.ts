import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { PlaygroundError } from '../errors.js'
import { ContentChunker } from './content-chunker.js'
import type { Piece, PieceList } from './types.js'

/** Only the last piece of a file is smaller. */
export const MIN_PIECE_BYTES = 256 * 1024

const SIZES = { minBytes: MIN_PIECE_BYTES, averageBytes: 1024 * 1024, maxBytes: 4 * 1024 * 1024 }
const READ_BYTES = 1024 * 1024
/** Enough for a package at its size cap in pieces of the least size. */
const MAX_PIECES = 65_536

/** Cuts a file into content-defined pieces of 256 KiB to 4 MiB, about 1 MiB on average. */
export async function buildPieceList(path: string, signal?: AbortSignal): Promise<PieceList> {
  const chunker = new ContentChunker(SIZES)
  const pieces: Piece[] = []
  let hash = createHash('sha256')
  let size = 0
  let sizeBytes = 0
  const finish = (): void => {
    pieces.push({ sizeBytes: size, digest: hash.digest() })
    hash = createHash('sha256')
    size = 0
  }
  const stream = createReadStream(path, {
    highWaterMark: READ_BYTES,
    ...(signal === undefined ? {} : { signal }),
  })
  for await (const data of stream as AsyncIterable<Buffer>) {
    sizeBytes += data.length
    let start = 0
    while (start < data.length) {
      const { end, cut } = chunker.scan(data, start)
      hash.update(data.subarray(start, end))
      size += end - start
      start = end
      if (cut) finish()
    }
  }
  if (size > 0) finish()
  return { digest: pieceListDigest(pieces), sizeBytes, pieces }
}

/** SHA-256 over each piece's size (uint32, big endian) and digest. */
export function pieceListDigest(pieces: readonly Piece[]): Uint8Array {
  const hash = createHash('sha256')
  for (const piece of pieces) {
    const size = Buffer.alloc(4)
    size.writeUInt32BE(piece.sizeBytes)
    hash.update(size).update(piece.digest)
  }
  return hash.digest()
}

/**
 * Checks a list that came over the network.
 * @throws TRANSFER_OFFER
 */
export function checkPieceList(list: PieceList, maxBytes = MAX_PIECES * SIZES.maxBytes): void {
  const wrong = (what: string): PlaygroundError =>
    new PlaygroundError('TRANSFER_OFFER', `the offer ${what}`)
  if (list.pieces.length === 0) throw wrong('has no pieces')
  if (list.pieces.length > MAX_PIECES)
    throw wrong(`has ${String(list.pieces.length)} pieces, too many`)
  let sum = 0
  for (const piece of list.pieces) {
    if (
      !Number.isInteger(piece.sizeBytes) ||
      piece.sizeBytes < 1 ||
      piece.sizeBytes > SIZES.maxBytes
    ) {
      throw wrong(`has a piece of ${String(piece.sizeBytes)} bytes`)
    }
    if (piece.digest.length !== 32) throw wrong('has a piece without a SHA-256')
    sum += piece.sizeBytes
  }
  if (sum !== list.sizeBytes) {
    throw wrong(`says ${String(list.sizeBytes)} bytes, but its pieces have ${String(sum)}`)
  }
  if (sum > maxBytes)
    throw new PlaygroundError('BUNDLE_TOO_LARGE', `the package has ${String(sum)} bytes, too many`)
  if (!Buffer.from(pieceListDigest(list.pieces)).equals(list.digest))
    throw wrong('does not match its own digest')
}
