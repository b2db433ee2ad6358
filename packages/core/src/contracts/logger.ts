/** Values a log field may have. Never put a key, PSK, token or an app's environment into one. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

/** The daemon's own log: an event name and fields. */
export interface Logger {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger
}
