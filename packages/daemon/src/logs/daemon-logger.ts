import { mkdirSync } from 'node:fs'
import type { LogFields, Logger } from '@p2p-playground/core'
import winston from 'winston'
import DailyRotateFile from 'winston-daily-rotate-file'

const KEEP = '14d'
const MAX_SIZE = '20m'

/**
 * The daemon's own log: lines of JSON in `DIR/daemon-DATE.log`, and in the foreground readable lines on stderr. Rotation is
 * winston-daily-rotate-file's, because winston's own loses lines when it rotates by size.
 */
export async function createDaemonLogger(options: {
  readonly dir: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly foreground: boolean
}): Promise<{ readonly logger: Logger; close(): Promise<void> }> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  const { timestamp, json, printf, combine } = winston.format
  const file = new DailyRotateFile({
    dirname: options.dir,
    filename: 'daemon-%DATE%.log',
    maxSize: MAX_SIZE,
    maxFiles: KEEP,
    auditFile: `${options.dir}/.daemon-log.json`,
    format: combine(timestamp(), json()),
  })
  const console = new winston.transports.Console({
    stderrLevels: ['error', 'warn', 'info', 'debug'],
    format: combine(timestamp(), printf(readable)),
  })
  const root = winston.createLogger({ level: options.level })
  root.add(file)
  if (options.foreground) root.add(console)
  const close = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    file.once('finish', () => {
      resolve(undefined)
    })
    root.end()
    await promise
  }
  return Promise.resolve({ logger: wrap(root), close })
}

function wrap(inner: winston.Logger): Logger {
  const log =
    (level: string) =>
    (event: string, fields?: LogFields): void => {
      inner.log(level, event, { ...fields })
    }
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (fields) => wrap(inner.child({ ...fields })),
  }
}

function readable(info: winston.Logform.TransformableInfo): string {
  const { level, message, timestamp: time, ...fields } = info
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`)
  return [String(time), level.toUpperCase().padEnd(5), String(message), ...rest].join(' ')
}
