import type { Heartbeat, InstanceStatus, NodeInfo } from '@p2p-playground/core'
import { sampleNode } from '@p2p-playground/testkit'

/** A heartbeat of the node `n1`. */
export function beatOf(
  instances: readonly InstanceStatus[] = [],
  patch: Partial<NodeInfo> = {},
): Heartbeat {
  return { node: sampleNode({ apps: instances.length, ...patch }), instances }
}
