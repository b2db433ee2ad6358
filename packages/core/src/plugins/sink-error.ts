import { PlaygroundError } from '../errors.js'

export interface SinkAnswer {
  /** HTTP status, not of success. */
  readonly status: number
  /** The header `Retry-After`: seconds, or a date. */
  readonly retryAfter?: string | null | undefined
  /** What the far side says about it. */
  readonly reason: string
  /** For a `retryAfter` that is a date: now, milliseconds since the epoch. */
  readonly nowMs: number
}

/** Statuses that are about the batch. */
const REFUSED = [400, 413, 422]

/** What a log sink throws for an HTTP answer: this batch never, nothing from us, or later. */
export function sinkErrorOfStatus(answer: SinkAnswer): PlaygroundError {
  const { status, reason } = answer
  const message = `the far side answered ${String(status)}: ${reason}`
  if (REFUSED.includes(status)) return new PlaygroundError('SINK_REFUSED', message)
  const isTemporary = status === 408 || status === 425 || status === 429 || status >= 500
  if (!isTemporary) return new PlaygroundError('SINK_DENIED', message)
  const retryAfterMs = parseRetryAfter(answer.retryAfter ?? null, answer.nowMs)
  const details = retryAfterMs === undefined ? {} : { retryAfterMs }
  return new PlaygroundError('SINK_UNAVAILABLE', message, { details })
}

/** RFC 9110, 10.2.3: seconds or an HTTP date. Undefined where it is neither. */
function parseRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text) * 1000
  const timeMs = Date.parse(text)
  return Number.isNaN(timeMs) ? undefined : Math.max(timeMs - nowMs, 0)
}
