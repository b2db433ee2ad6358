import { create } from '@bufbuild/protobuf'
import { EVENT_TYPES } from '@p2p-playground/core'
import type { LogEntry, SystemEvent } from '@p2p-playground/core'
import { EventSchema, LogEntrySchema } from '../gen/p2pplayground/node/v1/node_pb.js'
import type { Event, LogEntry as LogEntryMessage } from '../gen/p2pplayground/node/v1/node_pb.js'
import { oneOf, toNumber } from './check.js'

export function eventToProto(event: SystemEvent): Event {
  return create(EventSchema, {
    seq: BigInt(event.seq),
    timeMs: BigInt(Math.round(event.timeMs)),
    node: event.node,
    type: event.type,
    message: event.message,
    ...(event.app === null ? {} : { app: event.app }),
    ...(event.version === null ? {} : { version: event.version }),
    ...(event.code === null ? {} : { code: event.code }),
    ...(event.by === null ? {} : { by: event.by }),
  })
}

export function eventFromProto(message: Event): SystemEvent {
  return {
    seq: toNumber(message.seq),
    timeMs: toNumber(message.timeMs),
    node: message.node,
    type: oneOf(EVENT_TYPES, message.type, 'the event'),
    app: message.app ?? null,
    version: message.version ?? null,
    message: message.message,
    code: message.code ?? null,
    by: message.by ?? null,
  }
}

export function logEntryToProto(entry: LogEntry): LogEntryMessage {
  return create(LogEntrySchema, {
    timeMs: BigInt(Math.round(entry.timeMs)),
    node: entry.node,
    app: entry.app,
    version: entry.version,
    stream: entry.stream,
    seq: BigInt(entry.seq),
    line: entry.line,
    cut: entry.cut ?? false,
  })
}

export function logEntryFromProto(message: LogEntryMessage): LogEntry {
  return {
    timeMs: toNumber(message.timeMs),
    node: message.node,
    app: message.app,
    version: message.version,
    stream: oneOf(['stdout', 'stderr'] as const, message.stream, 'the stream'),
    seq: toNumber(message.seq),
    line: message.line,
    ...(message.cut ? { cut: true } : {}),
  }
}
