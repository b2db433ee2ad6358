import { PlaygroundError } from '@p2p-playground/core'
import type { LogEntry } from '@p2p-playground/core'
import { labelsOf, metadataOf } from './entry-labels.js'
import { MAX_PARTS, entryTime } from './entry-time.js'
import type { PushEntry, PushRequest, PushStream } from './push-request.js'
import { splitText } from './split-text.js'

export interface RequestLayout {
  /** Labels of every stream. */
  readonly labels: Readonly<Record<string, string>>
  /** Where what is no label goes: structured metadata, a line of JSON, nowhere. */
  readonly metadata: 'structured' | 'line' | 'none'
  readonly maxLineBytes: number
  /** Of one request, about, before it is compressed. */
  readonly maxRequestBytes: number
}

/** Times, lengths and names of fields of an entry on the wire, at most. */
const ENTRY_OVERHEAD_BYTES = 40
/** Lines of JSON that leave less than that for the text itself are none. */
const MIN_TEXT_BYTES = 1024

const utf8Bytes = (text: string): number => Buffer.byteLength(text)
const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2

/**
 * The requests that carry these lines, the same ones each time: in each, lines of one stream are in their order.
 * @throws SINK_REFUSED for a line of more parts than it may have
 */
export function buildRequests(
  entries: readonly LogEntry[],
  layout: RequestLayout,
): readonly PushRequest[] {
  const requests: PushRequest[] = []
  let streams = new Map<string, { labels: PushStream['labels']; entries: PushEntry[] }>()
  let size = 0
  for (const entry of entries) {
    const key = streamKey(entry)
    for (const pushed of partsOf(entry, layout)) {
      const more = sizeOf(pushed)
      if (size > 0 && size + more > layout.maxRequestBytes) {
        requests.push([...streams.values()])
        streams = new Map()
        size = 0
      }
      let stream = streams.get(key)
      if (stream === undefined) {
        stream = { labels: { ...labelsOf(entry), ...layout.labels }, entries: [] }
        streams.set(key, stream)
      }
      stream.entries.push(pushed)
      size += more
    }
  }
  requests.push([...streams.values()])
  return requests
}

/** Equal where `labelsOf` is, and cheaper. */
function streamKey(entry: LogEntry): string {
  const { node, kind, app } = entry
  const rest =
    entry.kind === 'app'
      ? [entry.instance, entry.stream]
      : [entry.kind === 'daemon' ? entry.level : '']
  return [node, kind, app ?? '', ...rest].join('\0')
}

function sizeOf({ line, metadata }: PushEntry): number {
  let size = utf8Bytes(line) + ENTRY_OVERHEAD_BYTES
  for (const [name, value] of Object.entries(metadata)) {
    size += utf8Bytes(value) + name.length + 6
  }
  return size
}

function partsOf(entry: LogEntry, layout: RequestLayout): PushEntry[] {
  const { maxLineBytes } = layout
  const about = layout.metadata === 'none' ? {} : metadataOf(entry)
  const inLine = layout.metadata === 'line'
  const frame = inLine ? utf8Bytes(asJson('', { ...about, part: '8/8' })) : 0
  const room = maxLineBytes - frame
  const text = entry.line.toWellFormed()
  const parts =
    inLine && room < MIN_TEXT_BYTES ? [] : splitText(text, room, inLine ? jsonBytes : utf8Bytes)
  if (parts.length === 0 || parts.length > MAX_PARTS) {
    throw new PlaygroundError(
      'SINK_REFUSED',
      `a line of ${String(utf8Bytes(text))} bytes with its metadata is too long for ` +
        `${String(MAX_PARTS)} entries of ${String(maxLineBytes)} bytes`,
    )
  }
  return parts.map((part, index) => {
    const metadata: Readonly<Record<string, string>> =
      parts.length === 1 || layout.metadata === 'none'
        ? about
        : { ...about, part: `${String(index + 1)}/${String(parts.length)}` }
    return {
      ...entryTime(entry, index),
      line: inLine ? asJson(part, metadata) : part,
      metadata: inLine ? {} : metadata,
    }
  })
}

function asJson(line: string, metadata: Readonly<Record<string, string>>): string {
  return JSON.stringify({ line, ...metadata })
}

/**
 * The same lines in streams of their own, by the hour: the label `late` says which. Loki refuses what is more than an hour
 * behind the newest line of its stream, as after a clock was set back; within an hour nothing is.
 */
export function asLate(request: PushRequest): PushRequest {
  return request.flatMap(({ labels, entries }) => {
    const hours = Map.groupBy(entries, ({ seconds }) => Math.floor(seconds / 3600))
    return [...hours].map(([hour, entriesOfHour]) => ({
      labels: { ...labels, late: new Date(hour * 3_600_000).toISOString().slice(0, 13) },
      entries: entriesOfHour,
    }))
  })
}
