import { create } from '@bufbuild/protobuf'
import { LOG_KINDS, LOG_SINK_STATES } from '@p2p-playground/core'
import type { LogSinkStatus } from '@p2p-playground/core'
import { LogSinkSchema } from '../gen/p2pplayground/node/v1/node_pb.js'
import type { LogSink } from '../gen/p2pplayground/node/v1/node_pb.js'
import { oneOrUnknown, optionalNumber, toNumber } from './check.js'

export function logSinkToProto(status: LogSinkStatus): LogSink {
  return create(LogSinkSchema, {
    name: status.name,
    kinds: [...status.kinds],
    state: status.state,
    ...(status.sinceMs === null ? {} : { sinceMs: toMillis(status.sinceMs) }),
    ...(status.reason === null ? {} : { reason: status.reason }),
    ...(status.nextTryMs === null ? {} : { nextTryMs: toMillis(status.nextTryMs) }),
    lagLines: BigInt(status.lagLines),
    ...(status.oldestMs === null ? {} : { oldestMs: toMillis(status.oldestMs) }),
    shippedLines: BigInt(status.shippedLines),
    shippedBytes: BigInt(status.shippedBytes),
    retries: BigInt(status.retries),
    deadLines: BigInt(status.deadLines),
    lostLines: BigInt(status.lostLines),
  })
}

export function logSinkFromProto(message: LogSink): LogSinkStatus {
  return {
    name: message.name,
    kinds: message.kinds.map((kind) => oneOrUnknown(LOG_KINDS, kind)),
    state: oneOrUnknown(LOG_SINK_STATES, message.state),
    sinceMs: optionalNumber(message.sinceMs),
    reason: message.reason ?? null,
    nextTryMs: optionalNumber(message.nextTryMs),
    lagLines: toNumber(message.lagLines),
    oldestMs: optionalNumber(message.oldestMs),
    shippedLines: toNumber(message.shippedLines),
    shippedBytes: toNumber(message.shippedBytes),
    retries: toNumber(message.retries),
    deadLines: toNumber(message.deadLines),
    lostLines: toNumber(message.lostLines),
  }
}

function toMillis(ms: number): bigint {
  return BigInt(Math.round(ms))
}
