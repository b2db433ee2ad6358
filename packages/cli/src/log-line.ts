import type { LogEntry } from '@p2p-playground/core'
import { clockTime, harmless, paint } from './format.js'

const COLORS = ['cyan', 'magenta', 'yellow', 'blue', 'green'] as const

/** A line of a log as it is shown to people: when, where from, which stream, what. */
export function logLine(entry: LogEntry): string {
  const color = COLORS[hash(entry.node) % COLORS.length] ?? 'cyan'
  const node = harmless(entry.node)
  const time = paint('dim', clockTime(entry.timeMs))
  return `${time} ${paint(color, `${node} ${originOf(entry)}`)} ${markOf(entry)} | ${harmless(entry.line)}`
}

function originOf(entry: LogEntry): string {
  return entry.kind === 'app' ? `${entry.app}@${entry.version}` : entry.kind
}

/** As wide as `out` and `err`, which most lines have. */
function markOf(entry: LogEntry): string {
  switch (entry.kind) {
    case 'app':
      if (entry.stream === 'stdout') return 'out'
      return entry.stream === 'stderr' ? paint('red', 'err') : paint('yellow', entry.stream)
    case 'daemon':
      return entry.level === 'error' ? paint('red', 'err') : 'log'
    case 'event':
      return entry.code === null ? 'evt' : paint('red', 'evt')
    default:
      return entry satisfies never
  }
}

function hash(text: string): number {
  let value = 0
  for (const char of text) value = (value * 31 + char.charCodeAt(0)) % 65_521
  return value
}
