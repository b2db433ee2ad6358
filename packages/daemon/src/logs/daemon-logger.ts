import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, LogFields, LogLevel, Logger } from '@p2p-playground/core'
import winston from 'winston'
import Transport from 'winston-transport'
import { DaemonLog } from './daemon-log.js'
import { readableLine } from './readable-line.js'
import { createRedactor } from './redact.js'

export interface DaemonLoggerOptions {
  readonly dir: string
  readonly node: string
  readonly level: LogLevel
  readonly foreground: boolean
  readonly clock: Clock
  /** Patterns that no field shows. */
  readonly redact: readonly RegExp[]
  /** See DaemonLog. */
  readonly rollBytes?: number
  readonly maxFiles?: number
}

/**
 * The daemon's own log, by winston: into `log`, and in the foreground as readable lines on stderr. A line is in its file when
 * the logger returns.
 */
export async function createDaemonLogger(options: DaemonLoggerOptions): Promise<{
  readonly logger: Logger
  readonly log: DaemonLog
  readonly close: () => Promise<void>
}> {
  const { clock } = options
  const log = new DaemonLog({ ...options, redact: createRedactor([], options.redact) })
  const stamp = winston.format((info) => {
    info['time'] = new Date(clock.now()).toISOString()
    return info
  })
  const root = winston.createLogger({
    level: options.level,
    format: stamp(),
    transports: [new DaemonLogTransport(log)],
  })
  if (options.foreground) {
    root.add(
      new winston.transports.Console({
        stderrLevels: ['error', 'warn', 'info', 'debug'],
        format: winston.format.printf(readableLine),
      }),
    )
    // Whoever read it may go before the daemon does.
    process.stderr.on('error', ignoreClosed)
  }
  // Until then winston holds lines back.
  await nextTurn()
  const write: Write = (level, event, fields) => {
    if (root.isLevelEnabled(level)) root.log({ level, message: event, fields })
  }
  const close = async (): Promise<void> => {
    try {
      await log.close()
    } finally {
      process.stderr.off('error', ignoreClosed)
    }
  }
  return { logger: wrap(write, {}), log, close }
}

/** Hands what winston lets through to the log. */
class DaemonLogTransport extends Transport {
  readonly #log: DaemonLog

  constructor(log: DaemonLog) {
    super()
    this.#log = log
  }

  override log(info: winston.Logform.TransformableInfo, next: () => void): void {
    this.#log.write(info.level as LogLevel, String(info.message), info['fields'] as LogFields)
    next()
  }
}

type Write = (level: LogLevel, event: string, fields: LogFields) => void

function wrap(write: Write, own: LogFields): Logger {
  const log =
    (level: LogLevel) =>
    (event: string, fields?: LogFields): void => {
      write(level, event, { ...own, ...fields })
    }
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (fields) => wrap(write, { ...own, ...fields }),
  }
}

function ignoreClosed(): void {
  // The lines are in the file as well.
}
