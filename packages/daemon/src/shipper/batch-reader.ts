import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, LogEntry } from '@p2p-playground/core'
import type { LogSource } from '../logs/log-feed.js'
import type { BatchLines } from './ledger.js'

/** The daemon has other work: after that long, reading goes on in the next turn. */
const SLICE_MS = 10

export interface BatchLimits {
  readonly maxLines: number
  /** Of the lines' text. A longer line goes alone. */
  readonly maxBytes: number
}

export interface ReadBatch {
  readonly entries: readonly LogEntry[]
  /** Of the lines' text, in UTF-8. */
  readonly bytes: number
  /** A limit ended it. */
  readonly isFull: boolean
}

/** What is there of a source from `firstSeq` to `lastSeq`, in order, as far as the limits let it. */
export async function readBatch(
  source: LogSource,
  range: { readonly firstSeq: number; readonly lastSeq: number } & BatchLimits,
  clock: Clock,
): Promise<ReadBatch> {
  const { firstSeq, lastSeq, maxLines, maxBytes } = range
  const entries: LogEntry[] = []
  let bytes = 0
  let sliceEndMs = clock.monotonic() + SLICE_MS
  const chunks = source.chunks()
  for (const [index, chunk] of chunks.entries()) {
    const next = chunks[index + 1]?.firstSeq ?? Infinity
    if (next <= firstSeq) continue
    if (chunk.firstSeq > lastSeq) break
    for (const block of await chunk.read(firstSeq)) {
      if (block.firstSeq + block.count <= firstSeq) continue
      if (block.firstSeq > lastSeq) break
      for (const entry of block.entries()) {
        if (entry.seq < firstSeq || entry.seq > lastSeq) continue
        const size = Buffer.byteLength(entry.line)
        const isOver = entries.length > 0 && bytes + size > maxBytes
        if (isOver || entries.length === maxLines) return { entries, bytes, isFull: true }
        entries.push(entry)
        bytes += size
      }
      if (clock.monotonic() < sliceEndMs) continue
      await nextTurn()
      sliceEndMs = clock.monotonic() + SLICE_MS
    }
  }
  return { entries, bytes, isFull: false }
}

/** Numbers and count of entries; undefined of none. */
export function linesOf(entries: readonly LogEntry[]): BatchLines | undefined {
  const first = entries[0]
  const last = entries.at(-1)
  if (first === undefined || last === undefined) return undefined
  const { timeMs } = first
  return { firstSeq: first.seq, lastSeq: last.seq, lines: entries.length, timeMs }
}
