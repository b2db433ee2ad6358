import { create } from '@bufbuild/protobuf'
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf'
import { EVENT_TYPES, LOG_KINDS, LOG_LEVELS, LOG_STREAMS } from '@p2p-playground/core'
import type { DaemonLogEntry, DroppedLines, LogEntry } from '@p2p-playground/core'
import { LogEntrySchema } from '../gen/p2pplayground/node/v1/node_pb.js'
import type {
  DroppedLines as DroppedLinesMessage,
  LogEntry as LogEntryMessage,
} from '../gen/p2pplayground/node/v1/node_pb.js'
import { oneOrUnknown, toNumber } from './check.js'

export function logEntryToProto(entry: LogEntry): LogEntryMessage {
  return create(LogEntrySchema, {
    kind: entry.kind,
    timeMs: BigInt(Math.round(entry.timeMs)),
    node: entry.node,
    app: entry.app ?? '',
    version: entry.version ?? '',
    seq: BigInt(entry.seq),
    line: entry.line,
    ...ofKind(entry),
  })
}

function ofKind(entry: LogEntry): Omit<MessageInitShape<typeof LogEntrySchema>, '$typeName'> {
  switch (entry.kind) {
    case 'app':
      return { stream: entry.stream, cut: entry.cut ?? false, instance: entry.instance }
    case 'daemon':
      return { level: entry.level, event: entry.event, fields: { ...entry.fields } }
    case 'event':
      return {
        event: entry.type,
        ...(entry.code === null ? {} : { code: entry.code }),
        ...(entry.by === null ? {} : { by: entry.by }),
      }
    default:
      return entry satisfies never
  }
}

export function logEntryFromProto(message: LogEntryMessage): LogEntry {
  const line = {
    timeMs: toNumber(message.timeMs),
    node: message.node,
    seq: toNumber(message.seq),
    line: message.line,
  }
  const named = { app: message.app || null, version: message.version || null }
  const kind = message.kind === '' ? 'app' : oneOrUnknown(LOG_KINDS, message.kind)
  switch (kind) {
    case 'app':
      return {
        kind,
        ...line,
        app: message.app,
        version: message.version,
        instance: message.instance,
        stream: oneOrUnknown(LOG_STREAMS, message.stream),
        ...(message.cut ? { cut: true } : {}),
      }
    case 'daemon':
      return {
        kind,
        ...line,
        ...named,
        level: oneOrUnknown(LOG_LEVELS, message.level),
        event: message.event,
        fields: plainFields(message.fields ?? {}),
      }
    case 'event':
      return {
        kind,
        ...line,
        ...named,
        type: oneOrUnknown(EVENT_TYPES, message.event),
        code: message.code ?? null,
        by: message.by ?? null,
      }
    case 'unknown':
      // Nothing of the daemon's own, but all that can be told of it has a place there.
      return {
        ...{ kind: 'daemon', level: 'unknown', event: message.event || 'unknown', fields: {} },
        ...line,
        ...named,
      }
    default:
      return kind satisfies never
  }
}

/** What an entry is numbered in, as `logSourceOf` has it; also for a kind that this version does not know. */
export function logSourceOfProto({ kind, app, version }: LogEntryMessage): string {
  return kind === '' || kind === 'app' ? `${app}@${version}` : kind
}

/** A field of a log line is no list and no map; what is one all the same is left out. */
function plainFields(fields: JsonObject): DaemonLogEntry['fields'] {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      typeof value === 'object' && value !== null ? [] : [[name, value]],
    ),
  )
}

export function droppedFromProto(
  message: DroppedLinesMessage,
  { node }: { readonly node: string },
): DroppedLines {
  return { node, source: message.source, lines: toNumber(message.lines) }
}
