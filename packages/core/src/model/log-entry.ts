import type { EventType } from './event.js'

/** What an app wrote, what the daemon says of itself, what happened on the node. */
export const LOG_KINDS = ['app', 'daemon', 'event'] as const
export type LogKind = (typeof LOG_KINDS)[number]

/** Where a line of an app comes from: the program, or one of its hooks. */
export const LOG_STREAMS = ['stdout', 'stderr', 'pre-start', 'post-stop'] as const
export type LogStream = (typeof LOG_STREAMS)[number]

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * Where a value may be `unknown`, a node of a later version said what this one has no name for; a daemon never says so of
 * itself, to a log sink neither.
 */
interface NumberedLine {
  /** When the daemon read or wrote the line, milliseconds since the epoch. */
  readonly timeMs: number
  /** Node name. */
  readonly node: string
  /** Counts from 1 within its source, without gaps. */
  readonly seq: number
  /** For people, and for a search; without its newline. */
  readonly line: string
}

/** One line that an app or its hook wrote. (node, app, instance, stream, seq) names it once and for all. */
export interface AppLogEntry extends NumberedLine {
  readonly kind: 'app'
  readonly app: string
  readonly version: string
  /** One life of the log of a version on a node: it lasts over restarts, and another begins after `app remove`. */
  readonly instance: string
  /** All streams of an instance are numbered together. */
  readonly stream: LogStream | 'unknown'
  /** The line was too long for one entry: it goes on in the next entry of its stream. */
  readonly cut?: true
}

/** One line of the daemon's own log. (node, kind, seq) names it. */
export interface DaemonLogEntry extends NumberedLine {
  readonly kind: 'daemon'
  /** The app and version that it is about, when it names them. */
  readonly app: string | null
  readonly version: string | null
  readonly level: LogLevel | 'unknown'
  /** Name of what the line tells. */
  readonly event: string
  readonly fields: Readonly<Record<string, string | number | boolean | null>>
}

/** A system event as a line. (node, kind, seq) names it; seq is the event's own. */
export interface EventLogEntry extends NumberedLine {
  readonly kind: 'event'
  readonly app: string | null
  readonly version: string | null
  readonly type: EventType | 'unknown'
  readonly code: string | null
  readonly by: string | null
}

export type LogEntry = AppLogEntry | DaemonLogEntry | EventLogEntry

/** Names what an entry is numbered in on its node: `name@version`, `daemon` or `event`. */
export function logSourceOf(entry: LogEntry): string {
  return entry.kind === 'app' ? `${entry.app}@${entry.version}` : entry.kind
}

/** Lines that are gone because of the caps of size and age, or damage, and that a query may have meant. */
export interface DroppedLines {
  /** Node name. */
  readonly node: string
  /** As `logSourceOf` has it. */
  readonly source: string
  readonly lines: number
}
