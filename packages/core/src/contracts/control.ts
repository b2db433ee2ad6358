import type { FailureBundle } from '../model/failure-bundle.js'
import type { InstanceStatus } from '../model/instance.js'
import type { DroppedLines, LogEntry, LogKind, LogStream } from '../model/log-entry.js'
import type { NodeInfo, NodeSummary } from '../model/node.js'
import type { NodeEvent } from '../model/node-event.js'
import type { InstanceUsage } from '../model/usage.js'
import type { SystemEvent } from '../model/event.js'
import type { ErrorCode } from '../errors.js'

/** Which nodes a call means. Empty means all that are known. */
export interface NodeSelector {
  /** Node names or PeerID prefixes of at least 6 characters. */
  readonly nodes?: readonly string[] | undefined
  /** `env=test,region!=cn-north`. */
  readonly labels?: string | undefined
}

/** How a call on one node failed; plain data, so that one dead node does not hide the others' answers. */
export interface NodeFailure {
  readonly node: string
  readonly peerId: string
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string | undefined
}

/** Answers of several nodes: what came back, and who failed. */
export interface FleetResult<Item> {
  readonly items: readonly Item[]
  /** Where no node is named, one that has nothing of what is asked for does not fail beside others. */
  readonly failures: readonly NodeFailure[]
  /** How many nodes answered; they may have had nothing to say. */
  readonly answered: number
}

/** An instance with the node it is on. */
export interface AppRow extends InstanceStatus {
  /** Node name. */
  readonly node: string
  readonly peerId: string
}

export interface DeployRequest {
  /** Path of the `.p2p` file. */
  readonly packagePath: string
  readonly target: NodeSelector
  /** Wait until each instance is healthy (or running, when it has no health check). */
  readonly wait: boolean
  /** Limit of the whole call, milliseconds. */
  readonly timeoutMs: number
  readonly allowDowngrade: boolean
  /** A large package is copied on this machine, and sent once to any other: a second node there copies it from the first. */
  readonly localCopy: boolean
}

export const DEPLOY_PHASES = [
  /** Another node of its machine is sent the package first, to be copied from there. */
  'wait',
  'offer',
  'transfer',
  'verify',
  'start',
  'done',
  'failed',
] as const
export type DeployPhase = (typeof DEPLOY_PHASES)[number]

/** Progress of one node. `done` and `failed` are the last of a node. */
export interface DeployProgress {
  readonly node: string
  readonly peerId: string
  /** `unknown`: what a node of a later version says and this one has no name for. */
  readonly phase: DeployPhase | 'unknown'
  readonly doneBytes: number
  readonly totalBytes: number
  /** Bytes that the node held already from an earlier try or version. */
  readonly reusedBytes: number
  /** Bytes that the node copied on its machine. */
  readonly copiedBytes: number
  /** State of the instance, once there is one. */
  readonly state: InstanceStatus['state'] | null
  readonly failure: NodeFailure | null
}

export const APP_ACTIONS = [
  'start',
  'stop',
  'restart',
  'remove',
  /** The version becomes the active one, at once and on trial. */
  'upgrade',
  /** Back to a version that is kept, at once and without trial. */
  'rollback',
  'tag',
  'untag',
] as const

export type AppAction = (typeof APP_ACTIONS)[number]

export interface AppCommand {
  readonly action: AppAction
  readonly app: string
  /**
   * A version or a tag. Missing: the active version; for `remove` all versions, for `upgrade` the pending one or `latest`,
   * for `rollback` the stable one or the one before.
   */
  readonly version?: string | undefined
  /** For `tag` and `untag`. */
  readonly tag?: string | undefined
  /** For `remove`: overwrite what is deleted. */
  readonly secure?: boolean | undefined
  /** For what starts something: until it is ready or has failed, as `deploy` waits. Default: until it is started. */
  readonly wait?: boolean | undefined
  /** Limit of the whole call, milliseconds. Default: a minute for each node. */
  readonly timeoutMs?: number | undefined
  readonly target: NodeSelector
}

export interface AppQuery {
  /** Missing: all. */
  readonly app?: string | undefined
  /** A version of that app, or a tag. */
  readonly version?: string | undefined
  readonly target: NodeSelector
}

/** How far the logs of nodes had come: PeerID to source (as `logSourceOf` has it) to the seq of its newest line. */
export type LogMarks = ReadonlyMap<string, Readonly<Record<string, number>>>

export interface LogQuery {
  /** Only what this app wrote, and what names it; missing: all. */
  readonly app?: string | undefined
  readonly version?: string | undefined
  /** Default: `app`. */
  readonly kinds?: readonly LogKind[] | undefined
  readonly target: NodeSelector
  readonly follow: boolean
  /** Only lines read at or after this time, milliseconds since the epoch. */
  readonly sinceMs?: number | undefined
  /** Only lines read at or before this time. */
  readonly untilMs?: number | undefined
  /** Only lines behind these. No clock is asked. */
  readonly after?: LogMarks | undefined
  /** At most this many of the newest lines per node before following. */
  readonly tail?: number | undefined
  /** Only lines of this stream, which those of an app have. */
  readonly stream?: LogStream | undefined
  /** Only lines that contain this text. */
  readonly grep?: string | undefined
}

export interface EventQuery {
  readonly target: NodeSelector
  readonly follow: boolean
  readonly sinceMs?: number | undefined
  readonly tail?: number | undefined
}

/** A version that a node keeps. */
export interface VersionRow {
  readonly node: string
  readonly app: string
  readonly version: string
  readonly digest: string
  readonly sizeBytes: number
  readonly receivedAtMs: number
  readonly active: boolean
  readonly state: InstanceStatus['state']
  /** Tags that mean it, the built-in ones too. */
  readonly tags: readonly string[]
  /** What waits to happen to it, or why it failed its trial; empty when there is nothing to say. */
  readonly note: string
}

/** Everything a node knows of one instance. */
export interface AppDescription extends AppRow {
  readonly manifest: string
  /** Name of the trusted key that signed the package. */
  readonly signedBy: string
  readonly dir: string
  readonly usage: {
    readonly cpuMs: number
    readonly memoryBytes: number
    readonly processes: number
  } | null
  /** With samples; null until the node has measured. */
  readonly lastHour: InstanceUsage | null
  readonly lastExit: string
  readonly tags: readonly string[]
  /** The last runs that failed, the newest first. */
  readonly failures: readonly FailureBundle[]
  readonly events: readonly SystemEvent[]
  /** Lines of its log that are gone because of the caps of size and age. */
  readonly droppedLogLines: number
}

export type Followed<Item> =
  | { readonly kind: 'item'; readonly item: Item }
  | { readonly kind: 'failure'; readonly failure: NodeFailure }
  /** What was asked for may have been longer. */
  | { readonly kind: 'dropped'; readonly dropped: DroppedLines }
  /** Comes once, behind all that was stored and the failures with it: how many nodes answered. */
  | { readonly kind: 'stored'; readonly answered: number }

/** The use cases. CLI, gRPC, REST and the dashboard are thin adapters over this. */
export interface Control {
  /** Those that do not answer are items as well; failures are of those whose labels are asked for and not known. */
  listNodes(target: NodeSelector, signal: AbortSignal): Promise<FleetResult<NodeSummary>>
  /** With the samples of the last hour. */
  nodeInfo(node: string, signal: AbortSignal): Promise<NodeInfo>
  /**
   * How each node is, then what happens to them, nodes that turn up later included. A node that was not heard of for 15 s
   * is down. Ends when `signal` aborts. Failures are of nodes whose labels are asked for and not known: they are left out
   * until they answer.
   */
  watchNodes(target: NodeSelector, signal: AbortSignal): AsyncIterable<Followed<NodeEvent>>
  /** Dials the multiaddr (which ends in /p2p/PEERID), and remembers it. @throws NODE_ADDRESS, NODE_UNREACHABLE */
  addNode(address: string, signal: AbortSignal): Promise<NodeSummary>
  deploy(request: DeployRequest, signal: AbortSignal): AsyncIterable<DeployProgress>
  listApps(query: AppQuery, signal: AbortSignal): Promise<FleetResult<AppRow>>
  /** Gives the versions that it was about; of `remove` what is active in place of what went. */
  changeApp(command: AppCommand, signal: AbortSignal): Promise<FleetResult<AppRow>>
  listVersions(
    app: string,
    target: NodeSelector,
    signal: AbortSignal,
  ): Promise<FleetResult<VersionRow>>
  describeApp(
    app: string,
    target: NodeSelector,
    signal: AbortSignal,
  ): Promise<FleetResult<AppDescription>>
  /** Where the logs of an app stand; a node that has none of it, or does not say, has no mark. */
  logMarks(
    query: Pick<LogQuery, 'app' | 'version' | 'target'>,
    signal: AbortSignal,
  ): Promise<LogMarks>
  /** Entries of all nodes merged by time. */
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<Followed<LogEntry>>
  events(query: EventQuery, signal: AbortSignal): AsyncIterable<Followed<SystemEvent>>
  close(): Promise<void>
}
