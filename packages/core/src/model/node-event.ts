import type { InstanceStatus } from './instance.js'
import type { NodeInfo, NodeSummary } from './node.js'

/** What a node tells those who watch it, every few seconds and when something changes. */
export interface Heartbeat {
  readonly node: NodeInfo
  readonly instances: readonly InstanceStatus[]
}

/** Something that happened to a node, as a controller sees it. The first of a node says how it is now. */
export interface NodeEvent {
  readonly type: 'node-up' | 'node-down' | 'node-changed'
  readonly timeMs: number
  /** Its name, or its PeerID until one is known. */
  readonly node: string
  readonly peerId: string
  /** One sentence for people. */
  readonly message: string
  /** The node after that. */
  readonly summary: NodeSummary
  /** Its instances when it was last heard of; empty when it never was. */
  readonly instances: readonly InstanceStatus[]
}
