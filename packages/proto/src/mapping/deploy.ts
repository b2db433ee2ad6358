import { create } from '@bufbuild/protobuf'
import { DEPLOY_PHASES } from '@p2p-playground/core'
import type { DeployProgress, InstanceStatus } from '@p2p-playground/core'
import { DeployResponseSchema } from '../gen/p2pplayground/node/v1/node_pb.js'
import type { DeployResponse } from '../gen/p2pplayground/node/v1/node_pb.js'
import { oneOrUnknown, toNumber } from './check.js'
import { instanceFromProto, instanceToProto } from './instance.js'

type Bytes = 'doneBytes' | 'totalBytes' | 'reusedBytes' | 'copiedBytes'

/** How a deployment stands, as the node says it. */
export function deployProgressToProto(
  progress: Pick<DeployProgress, 'phase' | Bytes> & {
    /** Where the node keeps the package; empty until it does. */
    readonly storedPath: string
    readonly instance: InstanceStatus | null
  },
): DeployResponse {
  const { phase, storedPath, instance } = progress
  return create(DeployResponseSchema, {
    phase,
    doneBytes: BigInt(progress.doneBytes),
    totalBytes: BigInt(progress.totalBytes),
    reusedBytes: BigInt(progress.reusedBytes),
    copiedBytes: BigInt(progress.copiedBytes),
    storedPath,
    ...(instance === null ? {} : { instance: instanceToProto(instance) }),
  })
}

/** The same, as whoever deploys has it. */
export function deployProgressFromProto(
  message: DeployResponse,
): Pick<DeployProgress, 'phase' | Exclude<Bytes, 'totalBytes'> | 'state'> {
  return {
    phase: oneOrUnknown(DEPLOY_PHASES, message.phase),
    doneBytes: toNumber(message.doneBytes),
    reusedBytes: toNumber(message.reusedBytes),
    copiedBytes: toNumber(message.copiedBytes),
    state: message.instance === undefined ? null : instanceFromProto(message.instance).state,
  }
}
