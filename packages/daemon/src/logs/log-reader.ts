import type { LogEntry } from '@p2p-playground/core'
import type { FrameView } from './frame.js'
import { matchesQuery, matchesTime } from './log-query.js'
import type { StoreQuery } from './log-query.js'
import { mergeByTime } from './merge.js'
import type { Segment } from './segments.js'

/** What reading needs of a version's log. */
export interface ReadableLog {
  readonly version: string
  /** Of the line that comes next. */
  readonly nextSeq: number
  list(): readonly Segment[]
  read(segment: Segment): Promise<readonly FrameView[]>
}

/** A version's log and what of it is asked for: seq from `after`, exclusive, to `last`. */
interface Part {
  readonly log: ReadableLog
  readonly after: number
  readonly last: number
}

/**
 * Reads what is stored at the moment of the call, the oldest first. Versions are merged by time; within one the order is that
 * of seq, even where the clock was set back. `ends` says, per version, which seq was the newest at that moment.
 */
export function readLogs(
  logs: readonly ReadableLog[],
  query: StoreQuery,
  node: string,
): { readonly ends: ReadonlyMap<string, number>; readonly batches: AsyncGenerator<LogEntry[]> } {
  const parts = logs.map((log): Part => {
    const last = log.nextSeq - 1
    const after = query.afterSeq?.[log.version] ?? 0
    return { log, after: after > last ? 0 : after, last }
  })
  const ends = new Map(parts.map(({ log, last }) => [log.version, last]))
  return { ends, batches: readParts(parts, query, node) }
}

async function* readParts(
  parts: readonly Part[],
  query: StoreQuery,
  node: string,
): AsyncGenerator<LogEntry[]> {
  const wanted =
    query.tail === undefined ? parts : await cutToTail(parts, query, { node, tail: query.tail })
  yield* mergeByTime(wanted.map((part) => forward(part, query, node)))
}

async function* forward(part: Part, query: StoreQuery, node: string): AsyncGenerator<LogEntry[]> {
  for (const segment of segmentsOf(part, query)) {
    for (const frame of await part.log.read(segment)) {
      const entries = isWanted(frame, part, query) ? entriesOf(frame, part, { query, node }) : []
      if (entries.length > 0) yield entries
    }
  }
}

/** Moves the beginning of each part up, so that all together have no more than `tail` entries left: the newest. */
async function cutToTail(
  parts: readonly Part[],
  query: StoreQuery,
  { node, tail }: { readonly node: string; readonly tail: number },
): Promise<Part[]> {
  const sources = parts.map((part) => ({
    part,
    after: part.last,
    hits: backward(part, query, node),
  }))
  let left = tail
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
  return sources.map(({ part, after }) => ({ ...part, after }))
}

/** The numbers of those lines of a frame that are asked for, in order. */
interface Hits {
  readonly timeMs: number
  readonly seqs: readonly number[]
}

/** From the newest frame on, so that the newest few lines cost little. */
async function* backward(part: Part, query: StoreQuery, node: string): AsyncGenerator<Hits> {
  for (const segment of segmentsOf(part, query).reverse()) {
    for (const frame of [...(await part.log.read(segment))].reverse()) {
      if (!isWanted(frame, part, query)) continue
      const seqs = entriesOf(frame, part, { query, node }).map((entry) => entry.seq)
      if (seqs.length > 0) yield { timeMs: frame.timeMs, seqs }
    }
  }
}

function segmentsOf({ log, after, last }: Part, query: StoreQuery): Segment[] {
  const all = log.list()
  return all.filter(({ firstSeq, range }, index) => {
    const next = all[index + 1]
    if (firstSeq > last || (next !== undefined && next.firstSeq - 1 <= after)) return false
    // The last one is still growing.
    if (next === undefined || range === null) return true
    return range.maxMs >= (query.sinceMs ?? -Infinity) && range.minMs <= (query.untilMs ?? Infinity)
  })
}

function isWanted(frame: FrameView, { after, last }: Part, query: StoreQuery): boolean {
  return (
    frame.count > 0 &&
    frame.firstSeq <= last &&
    frame.firstSeq + frame.count - 1 > after &&
    matchesTime(frame.timeMs, query)
  )
}

function entriesOf(
  frame: FrameView,
  { log, after, last }: Part,
  { query, node }: { readonly query: StoreQuery; readonly node: string },
): LogEntry[] {
  return frame
    .lines()
    .map((line) => ({ ...line, node, app: query.app, version: log.version }))
    .filter((entry) => entry.seq > after && entry.seq <= last && matchesQuery(entry, query))
}
