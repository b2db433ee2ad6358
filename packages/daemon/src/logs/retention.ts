import type { Logger } from '@p2p-playground/core'
import type { Segment } from './segments.js'

/** What retention needs of a version's log. */
export interface RetainedLog {
  readonly version: string
  readonly droppedLines: number
  list(): readonly Segment[]
  dropOldest(): void
}

export interface RetentionLimits {
  /** All versions of the app together. */
  readonly maxBytes: number
  readonly maxAgeMs: number
}

/** Which log must give up its oldest segment: the one whose lines are oldest, while the app has too much or too old ones. */
export function chooseDrop<Log extends RetainedLog>(
  logs: readonly Log[],
  limits: RetentionLimits,
  nowMs: number,
): Log | undefined {
  let sizeBytes = 0
  let oldest: { readonly log: Log; readonly newestMs: number } | undefined
  for (const log of logs) {
    const segments = log.list()
    for (const segment of segments) sizeBytes += segment.sizeBytes
    const first = segments[0]
    if (first === undefined || (segments.length === 1 && first.range === null)) continue
    const newestMs = first.range?.maxMs ?? 0
    if (oldest === undefined || newestMs < oldest.newestMs) oldest = { log, newestMs }
  }
  if (oldest === undefined) return undefined
  const isTooOld = nowMs - oldest.newestMs > limits.maxAgeMs
  return isTooOld || sizeBytes > limits.maxBytes ? oldest.log : undefined
}

/** Drops what is beyond the limits, and says how much of which version. */
export function retain(
  app: string,
  logs: readonly RetainedLog[],
  options: { readonly limits: RetentionLimits; readonly nowMs: number; readonly logger: Logger },
): void {
  const before = logs.map((log) => log.droppedLines)
  for (;;) {
    const log = chooseDrop(logs, options.limits, options.nowMs)
    if (log === undefined) break
    log.dropOldest()
  }
  for (const [index, { version, droppedLines }] of logs.entries()) {
    const lines = droppedLines - (before[index] ?? 0)
    if (lines > 0) options.logger.info('log-lines-dropped', { app, version, lines, droppedLines })
  }
}
