import type { EventType, LogEntry, LogLevel } from '@p2p-playground/core'
import { asSent, readBack } from './read-back.test.support.js'
import type { QueriedLine } from './read-back.test.support.js'

/** Entries of all kinds as they were sent, each source in order of seq; the values of fields have become texts. */
export function readBackAll(lines: readonly QueriedLine[]): LogEntry[] {
  const others = new Map<string, LogEntry>()
  for (const line of lines) {
    if (line.labels['kind'] === 'app') continue
    const entry = toEntry(asSent(line))
    others.set(`${entry.kind} ${String(entry.seq)}`, entry)
  }
  return [
    ...readBack(lines.filter(({ labels }) => labels['kind'] === 'app')),
    ...[...others.values()].sort((a, b) => a.seq - b.seq),
  ]
}

function toEntry({ labels, time, line, metadata }: QueriedLine): LogEntry {
  const { node = '', app = null, kind, level } = labels
  const { seq, version = null, event = '', type, code = null, by = null, ...rest } = metadata
  const offset = (BigInt(seq ?? 0) * 8n) % 100_000_000n
  const about = { node, app, version, seq: Number(seq), line }
  const timeMs = Number((time - offset) / 1_000_000n)
  if (kind === 'event') return { ...about, timeMs, kind, type: type as EventType, code, by }
  const fields = Object.entries(rest).map(([name, value]) => [name.replace(/^field_/, ''), value])
  return {
    ...about,
    timeMs,
    kind: 'daemon',
    level: level as LogLevel,
    event,
    fields: Object.fromEntries(fields) as Record<string, string>,
  }
}
