import type { LogFields, Logger } from '@p2p-playground/core'

export interface RecordedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly event: string
  readonly fields: LogFields
}

/** Keeps what is logged. */
export class RecordingLogger implements Logger {
  readonly lines: RecordedLine[]
  readonly #fields: LogFields

  constructor(lines: RecordedLine[] = [], fields: LogFields = {}) {
    this.lines = lines
    this.#fields = fields
  }

  debug(event: string, fields?: LogFields): void {
    this.#record('debug', event, fields)
  }

  info(event: string, fields?: LogFields): void {
    this.#record('info', event, fields)
  }

  warn(event: string, fields?: LogFields): void {
    this.#record('warn', event, fields)
  }

  error(event: string, fields?: LogFields): void {
    this.#record('error', event, fields)
  }

  child(fields: LogFields): Logger {
    return new RecordingLogger(this.lines, { ...this.#fields, ...fields })
  }

  #record(level: RecordedLine['level'], event: string, fields?: LogFields): void {
    this.lines.push({ level, event, fields: { ...this.#fields, ...fields } })
  }
}
