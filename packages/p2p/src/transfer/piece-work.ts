import type { PieceList } from '@p2p-playground/core/bundle'
import type { FetchRequest } from './fetch-pieces.js'

/** What is still to be fetched. */
export class PieceWork {
  readonly reusedBytes: number
  copiedBytes = 0
  left: number
  #doneBytes: number
  readonly #queue: number[]
  readonly #request: FetchRequest

  constructor(request: FetchRequest, missing: readonly number[]) {
    this.#request = request
    this.#queue = [...missing]
    this.left = missing.length
    const missingBytes = missing.reduce((sum, index) => sum + this.#size(index), 0)
    this.reusedBytes = request.list.sizeBytes - missingBytes
    this.#doneBytes = this.reusedBytes
  }

  /** The next pieces to ask one source for. */
  take(atLeastBytes: number): number[] {
    const batch: number[] = []
    let bytes = 0
    while (bytes < atLeastBytes) {
      const index = this.#queue.shift()
      if (index === undefined) break
      batch.push(index)
      bytes += this.#size(index)
    }
    return batch
  }

  giveBack(pieces: readonly number[]): void {
    this.#queue.unshift(...pieces)
  }

  done(index: number, source: string): void {
    this.#add(index)
    this.report(source)
  }

  copied(index: number): void {
    this.#add(index)
    this.copiedBytes += this.#size(index)
    this.report(null)
  }

  report(source: string | null): void {
    const { reusedBytes, copiedBytes } = this
    this.#request.onProgress({ doneBytes: this.#doneBytes, reusedBytes, copiedBytes, source })
  }

  #add(index: number): void {
    this.left -= 1
    this.#doneBytes += this.#size(index)
  }

  #size(index: number): number {
    return this.#request.list.pieces[index]?.sizeBytes ?? 0
  }
}

/** Bytes of the largest piece. */
export function largestPiece(list: PieceList): number {
  return Math.max(...list.pieces.map((piece) => piece.sizeBytes))
}
