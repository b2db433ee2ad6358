import type { LogEntry } from '@p2p-playground/core'
import type { LogAnswer, LogBlock, LogChunk, LogSource } from './log-feed.js'
import { matchesQuery, matchesTime } from './log-query.js'
import type { StoreQuery } from './log-query.js'
import { mergeByTime } from './merge.js'

/** A source and what of it is asked for: seq from `after`, exclusive, to `last`. */
interface Part {
  readonly name: string
  readonly chunks: readonly NumberedChunk[]
  readonly after: number
  readonly last: number
}

interface NumberedChunk extends LogChunk {
  readonly lastSeq: number
}

/**
 * Reads what is stored at the moment of the call, the oldest first. Sources are merged by time; within one the order is that
 * of seq, even where the clock was set back. `ends` says, per source, which seq was the newest at that moment.
 */
export function readLogs(
  sources: readonly LogSource[],
  query: StoreQuery,
): { readonly ends: ReadonlyMap<string, number>; readonly answers: AsyncGenerator<LogAnswer> } {
  const parts = sources.map((source) => partOf(source, query))
  const ends = new Map(parts.map(({ name, last }) => [name, last]))
  return { ends, answers: readParts(parts, query) }
}

function partOf(source: LogSource, query: StoreQuery): Part {
  const last = source.nextSeq - 1
  const after = query.after?.[source.name] ?? 0
  const chunks = source.chunks()
  return {
    name: source.name,
    // A number beyond the newest is of a log that was removed and has begun anew.
    after: after <= last ? after : source.instance === null ? last : 0,
    last,
    chunks: chunks.map((chunk, index) => ({
      firstSeq: chunk.firstSeq,
      range: chunk.range,
      lastSeq: (chunks[index + 1]?.firstSeq ?? source.nextSeq) - 1,
      read: () => chunk.read(),
    })),
  }
}

async function* readParts(parts: readonly Part[], query: StoreQuery): AsyncGenerator<LogAnswer> {
  const { tail } = query
  const { wanted, isCut } =
    tail === undefined
      ? { wanted: parts, isCut: false }
      : await cutToTail(parts, { ...query, tail })
  const position = Object.fromEntries(wanted.map(({ name, after }) => [name, after]))
  let dropped = isCut ? [] : wanted.flatMap((part) => droppedBefore(part, query))
  const takeDropped = (): Pick<LogAnswer, 'dropped'> => {
    const taken = dropped
    dropped = []
    return taken.length === 0 ? {} : { dropped: taken }
  }
  yield { entries: [], position, ...takeDropped() }
  const onMissing = (source: string, lines: number): void => {
    dropped.push({ source, lines })
  }
  const merged = mergeByTime(wanted.map((part) => forward(part, query, onMissing)))
  for await (const entries of merged) yield { entries, ...takeDropped() }
  if (dropped.length > 0) yield { entries: [], ...takeDropped() }
}

/** Lines before the first that is kept, when the query may have meant them. */
function droppedBefore(
  { name, chunks, after, last }: Part,
  { sinceMs = -Infinity }: StoreQuery,
): { readonly source: string; readonly lines: number }[] {
  const [first] = chunks
  const lines = Math.min((first?.firstSeq ?? last + 1) - 1, last) - after
  const isBefore = first?.range === undefined || (first.range?.minMs ?? Infinity) >= sinceMs
  return lines > 0 && isBefore ? [{ source: name, lines }] : []
}

async function* forward(
  part: Part,
  query: StoreQuery,
  onMissing: (source: string, lines: number) => void,
): AsyncGenerator<LogEntry[]> {
  for (const chunk of chunksOf(part, query)) {
    let next = Math.max(chunk.firstSeq, part.after + 1)
    const skipTo = (seq: number): void => {
      if (seq > next) onMissing(part.name, seq - next)
    }
    for (const block of await chunk.read()) {
      skipTo(Math.min(block.firstSeq, part.last + 1))
      next = Math.max(next, block.firstSeq + block.count)
      const entries = isWanted(block, part, query) ? entriesOf(block, part, query) : []
      if (entries.length > 0) yield entries
    }
    skipTo(Math.min(chunk.lastSeq, part.last) + 1)
  }
}

/**
 * Moves the beginning of each part up, so that all together have no more than `tail` entries left: the newest. `isCut` is false
 * when there were fewer.
 */
async function cutToTail(
  parts: readonly Part[],
  query: StoreQuery & { readonly tail: number },
): Promise<{ readonly wanted: Part[]; readonly isCut: boolean }> {
  const sources = parts.map((part) => ({ part, after: part.last, hits: backward(part, query) }))
  let left = query.tail
  const heads = new Map<(typeof sources)[number], Hits>()
  const advance = async (source: (typeof sources)[number]): Promise<void> => {
    const next = await source.hits.next()
    if (next.done === true) heads.delete(source)
    else heads.set(source, next.value)
  }
  if (left > 0) for (const source of sources) await advance(source)
  while (left > 0) {
    const newest = [...heads].sort(([, a], [, b]) => b.timeMs - a.timeMs)[0]
    if (newest === undefined) break
    const [source, { seqs }] = newest
    const taken = seqs.slice(-left)
    source.after = (taken[0] ?? source.after + 1) - 1
    left -= taken.length
    await advance(source)
  }
  const isCut = left === 0
  return {
    wanted: sources.map(({ part, after }) => ({ ...part, after: isCut ? after : part.after })),
    isCut,
  }
}

/** The numbers of those lines of a block that are asked for, in order. */
interface Hits {
  readonly timeMs: number
  readonly seqs: readonly number[]
}

/** From the newest block on, so that the newest few lines cost little. */
async function* backward(part: Part, query: StoreQuery): AsyncGenerator<Hits> {
  for (const chunk of chunksOf(part, query).reverse()) {
    for (const block of [...(await chunk.read())].reverse()) {
      if (!isWanted(block, part, query)) continue
      const seqs = entriesOf(block, part, query).map((entry) => entry.seq)
      if (seqs.length > 0) yield { timeMs: block.timeMs, seqs }
    }
  }
}

function chunksOf({ chunks, after, last }: Part, query: StoreQuery): NumberedChunk[] {
  return chunks.filter(({ firstSeq, lastSeq, range }, index) => {
    if (firstSeq > last || lastSeq <= after) return false
    // The last one is still growing.
    if (range === null || index === chunks.length - 1) return true
    return range.maxMs >= (query.sinceMs ?? -Infinity) && range.minMs <= (query.untilMs ?? Infinity)
  })
}

function isWanted(block: LogBlock, { after, last }: Part, query: StoreQuery): boolean {
  return (
    block.count > 0 &&
    block.firstSeq <= last &&
    block.firstSeq + block.count - 1 > after &&
    matchesTime(block.timeMs, query)
  )
}

function entriesOf(block: LogBlock, { after, last }: Part, query: StoreQuery): LogEntry[] {
  return block
    .entries()
    .filter((entry) => entry.seq > after && entry.seq <= last && matchesQuery(entry, query))
}
