import type { LogKind } from './log-entry.js'

/** `ok`: what it is given it takes. `retrying`: it does not answer. `paused`: it takes nothing from us. */
export const LOG_SINK_STATES = ['ok', 'retrying', 'paused'] as const
export type LogSinkState = (typeof LOG_SINK_STATES)[number]

/** How far a node has got with one of its log sinks. Counts go on over restarts of the daemon. */
export interface LogSinkStatus {
  readonly name: string
  /** `unknown`, as with `state`: what a node of a later version says and this one has no name for. */
  readonly kinds: readonly (LogKind | 'unknown')[]
  readonly state: LogSinkState | 'unknown'
  /** Since when it has been so, milliseconds since the epoch; null while `ok`. */
  readonly sinceMs: number | null
  /** Why; null while `ok`. */
  readonly reason: string | null
  /** Null while `ok`, and during a try. */
  readonly nextTryMs: number | null
  /** Stored here and not there yet. */
  readonly lagLines: number
  /** When the oldest of them was read; null when there is none. */
  readonly oldestMs: number | null
  readonly shippedLines: number
  /** Of the lines' text, in UTF-8. */
  readonly shippedBytes: number
  /** Tries that failed and were or are to be repeated. */
  readonly retries: number
  /** Lines that the sink will never take; they are in its dead-letter file. */
  readonly deadLines: number
  /** Lines that were gone from this node before the sink had them. */
  readonly lostLines: number
}
