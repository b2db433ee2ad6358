import { create } from '@bufbuild/protobuf'
import type { ExitStatus, FailureBundle, HealthResult, InstanceKey } from '@p2p-playground/core'
import { FailureSchema, OutOfMemorySchema } from '../gen/p2pplayground/node/v1/node_pb.js'
import type { Exit, Failure, Health } from '../gen/p2pplayground/node/v1/node_pb.js'
import { optionalNumber, toNumber } from './check.js'

export function failureToProto(bundle: FailureBundle): Failure {
  const { exit, health } = bundle
  return create(FailureSchema, {
    atMs: BigInt(Math.round(bundle.atMs)),
    reason: bundle.reason,
    starts: bundle.starts,
    lines: bundle.lines.map(({ stream, line }) => ({ stream, line })),
    ...(exit === null ? {} : { exit: { kind: exitKind(exit) } }),
    ...(health === null
      ? {}
      : { health: { healthy: health.healthy, detail: health.detail ?? '' } }),
  })
}

export function failureFromProto(message: Failure, { app, version }: InstanceKey): FailureBundle {
  return {
    app,
    version,
    atMs: toNumber(message.atMs),
    exit: message.exit === undefined ? null : exitFromProto(message.exit),
    reason: message.reason,
    starts: message.starts,
    health: message.health === undefined ? null : healthFromProto(message.health),
    lines: message.lines.map(({ stream, line }) => ({ stream, line })),
  }
}

function exitKind(exit: ExitStatus): Exit['kind'] {
  switch (exit.kind) {
    case 'exited':
      return { case: 'code', value: exit.code }
    case 'signaled':
      return { case: 'signal', value: exit.signal }
    case 'oom': {
      const { limitBytes } = exit
      const limit = limitBytes === null ? {} : { limitBytes: BigInt(limitBytes) }
      return { case: 'outOfMemory', value: create(OutOfMemorySchema, limit) }
    }
    case 'unknown':
      return { case: 'unknown', value: exit.why }
    default:
      return exit satisfies never
  }
}

function exitFromProto({ kind }: Exit): ExitStatus {
  switch (kind.case) {
    case 'code':
      return { kind: 'exited', code: kind.value }
    case 'signal':
      return { kind: 'signaled', signal: kind.value }
    case 'outOfMemory':
      return { kind: 'oom', limitBytes: optionalNumber(kind.value.limitBytes) }
    case 'unknown':
      return { kind: 'unknown', why: kind.value }
    case undefined:
      return { kind: 'unknown', why: 'the node did not say' }
    default:
      return kind satisfies never
  }
}

function healthFromProto({ healthy, detail }: Health): HealthResult {
  if (!healthy) return { healthy, detail }
  return detail === '' ? { healthy } : { healthy, detail }
}
