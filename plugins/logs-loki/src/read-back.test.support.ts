import type { AppLogEntry, LogStream } from '@p2p-playground/core'

/** A line as a query of Loki gives it. */
export interface QueriedLine {
  readonly labels: Readonly<Record<string, string>>
  readonly time: bigint
  readonly line: string
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Lines of apps as they were sent, in order of seq: repeats dropped, parts joined, the time without what tells lines of one
 * millisecond apart.
 */
export function readBack(lines: readonly QueriedLine[]): AppLogEntry[] {
  const entries = new Map<string, AppLogEntry>()
  const parts = new Map<string, number>()
  const ordered = lines
    .map(asSent)
    .sort((a, b) => seqOf(a) - seqOf(b) || Number(a.time - b.time))
    .filter(isNew())
  for (const { labels, time, line, metadata } of ordered) {
    const { node = '', app = '', instance = '', stream = '' } = labels
    const { version = '', cut, part = '1/1' } = metadata
    const seq = seqOf({ metadata })
    const partNo = Number(part.split('/')[0])
    const key = [node, app, instance, stream, seq].join(' ')
    if ((parts.get(key) ?? 0) !== partNo - 1) throw new Error(`${key}: part ${part} is not next`)
    parts.set(key, partNo)
    const timeNs = time - ((BigInt(seq) * 8n) % 100_000_000n) - BigInt(partNo - 1)
    entries.set(key, {
      kind: 'app',
      timeMs: Number(timeNs / 1_000_000n),
      node,
      app,
      version,
      instance,
      stream: stream as LogStream,
      seq,
      line: (entries.get(key)?.line ?? '') + line,
      ...(cut === undefined ? {} : { cut: true }),
    })
  }
  return [...entries.values()]
}

/** True unless it was asked for a line of the same seq, part and stream before; they come in that order. */
function isNew(): (line: QueriedLine) => boolean {
  const known = new Set<string>()
  let seq = 0
  return (line) => {
    if (seqOf(line) !== seq) known.clear()
    seq = seqOf(line)
    const { node, app, instance, stream } = line.labels
    const key = [node, app, instance, stream, line.metadata['part']].join(' ')
    return known.size < known.add(key).size
  }
}

/** With what `metadata: line` has put into the text taken out again. */
export function asSent(queried: QueriedLine): QueriedLine {
  const { labels, time, line } = queried
  if (queried.metadata['seq'] !== undefined) return queried
  const { line: text = '', ...metadata } = JSON.parse(line) as Record<string, string>
  return { labels, time, line: text, metadata }
}

function seqOf({ metadata }: Pick<QueriedLine, 'metadata'>): number {
  return Number(metadata['seq'])
}
