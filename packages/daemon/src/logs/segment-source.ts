import { formatInstance } from '@p2p-playground/core'
import type { AppLogEntry, InstanceKey } from '@p2p-playground/core'
import type { FrameView, StoredLine } from './frame.js'
import type { LogBlock, LogSource } from './log-feed.js'
import type { Segments } from './segments.js'

/** An instance's segments as a source of entries. */
export function segmentSource(segments: Segments, key: InstanceKey, node: string): LogSource {
  const { instance } = segments
  const blockOf = (frame: FrameView): LogBlock => ({
    timeMs: frame.timeMs,
    firstSeq: frame.firstSeq,
    count: frame.count,
    entries: () => frame.lines().map((line) => entryOfStored(line, { ...key, instance }, node)),
  })
  return {
    name: formatInstance(key),
    nextSeq: segments.nextSeq,
    instance,
    sync: () => segments.sync(),
    chunks: () =>
      segments.list().map((segment) => ({
        firstSeq: segment.firstSeq,
        range: segment.range,
        read: async (fromSeq) => (await segments.read(segment, fromSeq)).map(blockOf),
      })),
  }
}

export function entryOfStored(
  line: StoredLine,
  { app, version, instance }: InstanceKey & { readonly instance: string },
  node: string,
): AppLogEntry {
  return { kind: 'app', node, app, version, instance, ...line }
}
