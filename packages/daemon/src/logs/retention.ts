import type { Logger } from '@p2p-playground/core'
import type { Segment, Segments } from './segments.js'

/** What retention needs of a version's log. */
export interface RetainedLog {
  readonly version: string
  readonly droppedLines: number
  /** Number of the first line that some log sink has not had; Infinity: each has what it is to have. */
  readonly neededFrom: number
  /** Of the line that comes next. */
  readonly nextSeq: number
  list(): readonly Segment[]
  dropOldest(): void
}

export function retainedLog(segments: Segments, neededFrom: number): RetainedLog {
  return {
    version: segments.version,
    neededFrom,
    get nextSeq() {
      return segments.nextSeq
    },
    get droppedLines() {
      return segments.droppedLines
    },
    list: () => segments.list(),
    dropOldest: () => {
      segments.dropOldest()
    },
  }
}

export interface RetentionLimits {
  /** All versions of the app together. */
  readonly maxBytes: number
  /** Of the newest line of a segment. */
  readonly isTooOld: (timeMs: number) => boolean
  /** The same as `maxBytes` where log sinks need what is beyond it, whatever its age. */
  readonly maxUnshippedBytes: number
}

/**
 * Which log must give up its oldest segment: the one whose lines are oldest, while the app has too much or too old ones. What log
 * sinks need goes only where nothing else can, and only because of its size. The newest segment with lines of the app never goes
 * for its size: a burst may have filled it beyond any limit, and its lines are the ones that are looked for.
 */
export function chooseDrop<Log extends RetainedLog>(
  logs: readonly Log[],
  limits: RetentionLimits,
): Log | undefined {
  let sizeBytes = 0
  const candidates: Candidate<Log>[] = []
  for (const log of logs) {
    const segments = log.list()
    for (const segment of segments) sizeBytes += segment.sizeBytes
    const [first, second] = segments
    if (first === undefined || (segments.length === 1 && first.range === null)) continue
    const isNeeded = log.neededFrom < (second?.firstSeq ?? log.nextSeq)
    const isLast = segments.slice(1).every(({ range }) => range === null)
    candidates.push({ log, newestMs: first.range?.maxMs ?? 0, isNeeded, isLast })
  }
  const newestMs = Math.max(
    ...logs.flatMap((log) => log.list()).map(({ range }) => range?.maxMs ?? 0),
  )
  const free = candidates.filter(({ isNeeded }) => !isNeeded)
  const old = oldestOf(free.filter((one) => limits.isTooOld(one.newestMs)))
  if (old !== undefined) return old.log
  const mayGo = (one: Candidate<Log>): boolean => !(one.isLast && one.newestMs >= newestMs)
  if (sizeBytes <= limits.maxBytes) return undefined
  const isFarTooMuch = sizeBytes > limits.maxUnshippedBytes
  return (
    oldestOf(free.filter(mayGo)) ?? (isFarTooMuch ? oldestOf(candidates.filter(mayGo)) : undefined)
  )?.log
}

interface Candidate<Log> {
  readonly log: Log
  readonly newestMs: number
  readonly isNeeded: boolean
  /** Nothing behind its oldest segment has lines. */
  readonly isLast: boolean
}

function oldestOf<Log>(candidates: readonly Candidate<Log>[]): Candidate<Log> | undefined {
  return candidates.reduce<Candidate<Log> | undefined>(
    (oldest, one) => (oldest === undefined || one.newestMs < oldest.newestMs ? one : oldest),
    undefined,
  )
}

/** Drops what is beyond the limits, and says how much of which version. */
export function retain(
  app: string,
  logs: readonly RetainedLog[],
  options: { readonly limits: RetentionLimits; readonly logger: Logger },
): void {
  const before = logs.map((log) => log.droppedLines)
  for (;;) {
    const log = chooseDrop(logs, options.limits)
    if (log === undefined) break
    log.dropOldest()
  }
  for (const [index, { version, droppedLines, neededFrom }] of logs.entries()) {
    const droppedBefore = before[index] ?? 0
    const lines = droppedLines - droppedBefore
    if (lines === 0) continue
    const unshipped = Math.max(0, droppedLines - Math.max(droppedBefore, neededFrom - 1))
    const fields = { app, version, lines, droppedLines }
    if (unshipped === 0) options.logger.info('log-lines-dropped', fields)
    else options.logger.warn('log-lines-dropped', { ...fields, unshipped })
  }
}
