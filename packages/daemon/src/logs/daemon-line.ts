import { LOG_LEVELS } from '@p2p-playground/core'
import type { DaemonLogEntry, LogLevel } from '@p2p-playground/core'
import { readableText } from './readable-line.js'

/** A line of the daemon's own log. */
export interface DaemonLine {
  readonly seq: number
  readonly timeMs: number
  readonly level: LogLevel
  readonly event: string
  readonly fields: DaemonLogEntry['fields']
}

/** `{seq, time, level, event, …fields}` and a newline; no field can take the place of the first four. */
export function encodeLine({ seq, timeMs, level, event, fields }: DaemonLine): Buffer {
  const first = { seq, time: new Date(timeMs).toISOString(), level, event }
  return Buffer.from(`${JSON.stringify({ ...first, ...fields, ...first })}\n`)
}

/** Undefined for what is no such line. */
export function decodeLine(text: string): DaemonLine | undefined {
  const row = parse(text)
  if (typeof row !== 'object' || row === null) return undefined
  const { seq, time, level, event, ...rest } = row as Readonly<Record<string, unknown>>
  const timeMs = typeof time === 'string' ? Date.parse(time) : NaN
  const known = LOG_LEVELS.find((one) => one === level)
  if (typeof seq !== 'number' || Number.isNaN(timeMs)) return undefined
  if (known === undefined || typeof event !== 'string') return undefined
  const fields = Object.entries(rest).flatMap(([name, value]) =>
    isPlain(value) ? [[name, value] as const] : [],
  )
  return { seq, timeMs, level: known, event, fields: Object.fromEntries(fields) }
}

export function entryOfLine(
  { seq, timeMs, level, event, fields }: DaemonLine,
  node: string,
): DaemonLogEntry {
  const line = readableText({ level, message: event, fields })
  return { kind: 'daemon', timeMs, node, ...appOf(fields), seq, level, event, fields, line }
}

/** Fields `app` and `version`, or `instance`, say which app a line is about. */
function appOf(fields: DaemonLine['fields']): Pick<DaemonLogEntry, 'app' | 'version'> {
  const text = (name: string): string | undefined => {
    const value = fields[name]
    return typeof value === 'string' ? value : undefined
  }
  const [app, version] = text('instance')?.split('@') ?? []
  return { app: text('app') ?? app ?? null, version: text('version') ?? version ?? null }
}

function isPlain(value: unknown): value is string | number | boolean | null {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Damaged: as if it were not there.
    return undefined
  }
}
