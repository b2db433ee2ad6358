import { create } from '@bufbuild/protobuf'
import { EVENT_TYPES } from '@p2p-playground/core'
import type { SystemEvent } from '@p2p-playground/core'
import { EventSchema } from '../gen/p2pplayground/node/v1/node_pb.js'
import type { Event } from '../gen/p2pplayground/node/v1/node_pb.js'
import { oneOrUnknown, toNumber } from './check.js'

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
    type: oneOrUnknown(EVENT_TYPES, message.type),
    app: message.app ?? null,
    version: message.version ?? null,
    message: message.message,
    code: message.code ?? null,
    by: message.by ?? null,
  }
}
