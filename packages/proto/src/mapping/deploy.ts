import { DEPLOY_PHASES } from '@p2p-playground/core'
import type { DeployProgress } from '@p2p-playground/core'
import type { DeployResponse } from '../gen/p2pplayground/node/v1/node_pb.js'
import { oneOrUnknown, toNumber } from './check.js'
import { instanceFromProto } from './instance.js'

/** How a node says a deployment stands. */
export function deployProgressFromProto(
  message: DeployResponse,
): Pick<DeployProgress, 'phase' | 'doneBytes' | 'reusedBytes' | 'copiedBytes' | 'state'> {
  return {
    phase: oneOrUnknown(DEPLOY_PHASES, message.phase),
    doneBytes: toNumber(message.doneBytes),
    reusedBytes: toNumber(message.reusedBytes),
    copiedBytes: toNumber(message.copiedBytes),
    state: message.instance === undefined ? null : instanceFromProto(message.instance).state,
  }
}
