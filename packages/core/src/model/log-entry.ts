export type LogStream = 'stdout' | 'stderr'

/** One line that an app wrote. (node, app, version, stream, seq) names it once and for all. */
export interface LogEntry {
  /** When the daemon read the line, milliseconds since the epoch. */
  readonly timeMs: number
  /** Node name. */
  readonly node: string
  readonly app: string
  readonly version: string
  readonly stream: LogStream
  /** Counts from 1 over the instance's life, both streams together, without gaps. */
  readonly seq: number
  /** The line without its newline, as the app wrote it. */
  readonly line: string
  /** The line was too long for one entry: it goes on in the next entry of its stream. */
  readonly cut?: true
}
