import { mkdirSync } from 'node:fs'
import type { LogFields, Logger } from '@p2p-playground/core'
import winston from 'winston'
import { readableLine } from './readable-line.js'
import { RotatingFile } from './rotating-file.js'

/**
 * The daemon's own log: lines of JSON `{time, level, event, …fields}` in `DIR/daemon-DATE.log`, and in the foreground readable
 * lines on stderr. `close` resolves when all is written. A disk that refuses stops neither the daemon nor, once it takes lines
 * again, its log; how many were lost is logged then.
 */
export async function createDaemonLogger(options: {
  readonly dir: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly foreground: boolean
}): Promise<{ readonly logger: Logger; readonly close: () => Promise<void> }> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  const { combine, printf } = winston.format
  const root = winston.createLogger({ level: options.level, format: winston.format(stamp)() })
  const file = new RotatingFile({
    dir: options.dir,
    format: combine(printf(jsonLine)),
    logger: root,
  })
  if (options.foreground) {
    root.add(
      new winston.transports.Console({
        stderrLevels: ['error', 'warn', 'info', 'debug'],
        format: combine(printf(readableLine)),
      }),
    )
    // Whoever read it may go before the daemon does.
    process.stderr.on('error', ignoreClosed)
  }
  const write: Write = (level, event, fields) => {
    if (root.isLevelEnabled(level)) file.write({ level, message: event, fields })
  }
  const close = async (): Promise<void> => {
    await file.close()
    process.stderr.off('error', ignoreClosed)
  }
  return Promise.resolve({ logger: wrap(write, {}), close })
}

type Write = (level: string, event: string, fields: LogFields) => void

function wrap(write: Write, own: LogFields): Logger {
  const log =
    (level: string) =>
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

function stamp(info: winston.Logform.TransformableInfo): winston.Logform.TransformableInfo {
  info['time'] = new Date().toISOString()
  return info
}

/** No field can take the place of time, level or event. */
function jsonLine({ time, level, message, fields }: winston.Logform.TransformableInfo): string {
  const first = { time, level, event: message }
  return JSON.stringify({ ...first, ...(fields as LogFields), ...first })
}

function ignoreClosed(): void {
  // The lines are in the file as well.
}
