export const EVENT_TYPES = [
  'daemon-started',
  'daemon-stopped',
  'node-up',
  'node-down',
  'node-changed',
  'deployed',
  'started',
  'stopped',
  'exited',
  'health',
  'removed',
  'pending',
  'updated',
  'rollback',
  'pruned',
  'tagged',
  'hook',
  'refused',
  'limits',
  'repaired',
  'log-sink-paused',
  'log-sink-resumed',
  'plugin',
] as const

export type EventType = (typeof EVENT_TYPES)[number]

/** Something that happened on a node. */
export interface SystemEvent {
  /** Counts from 1 on each node, without gaps. */
  readonly seq: number
  readonly timeMs: number
  readonly node: string
  /** `unknown`: what a node of a later version says and this one has no name for. */
  readonly type: EventType | 'unknown'
  readonly app: string | null
  readonly version: string | null
  /** One sentence for people. */
  readonly message: string
  /** Error code when it is a refusal or a failure. */
  readonly code: string | null
  /** PeerID of who asked for it. */
  readonly by: string | null
}
