import type { PluginKind } from '../contracts/plugin.js'
import type { RuntimeSupport } from '../contracts/runtime.js'
import type { LogSinkStatus } from './log-sink-status.js'
import type { NodeUsage } from './usage.js'

export interface NodeResources {
  readonly cpus: number
  readonly memoryTotalBytes: number
  readonly memoryFreeBytes: number
  readonly diskTotalBytes: number
  readonly diskFreeBytes: number
  readonly load1: number
}

/** A plugin that a daemon has loaded. */
export interface LoadedPlugin {
  /** npm package. */
  readonly package: string
  readonly version: string
  readonly kind: PluginKind
  readonly name: string
}

/** What a node says of itself. */
export interface NodeInfo {
  /** libp2p PeerID, base58. */
  readonly peerId: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Version of the daemon. */
  readonly version: string
  /** `linux-x64` and so on: Node's platform and arch. */
  readonly platform: string
  readonly startedAtMs: number
  readonly addresses: readonly string[]
  /** Runtime plugin name to what it can enforce. */
  readonly runtimes: Readonly<Record<string, RuntimeSupport>>
  readonly healthCheckers: readonly string[]
  /** All that are loaded; empty when its daemon is too old to say. */
  readonly plugins: readonly LoadedPlugin[]
  readonly apps: number
  readonly maxApps: number
  readonly resources: NodeResources
  /** Null until the node has measured. */
  readonly usage: NodeUsage | null
  /** Those that `logging.sinks` names, in its order. */
  readonly logSinks: readonly LogSinkStatus[]
}

/** A node as the controller sees it. */
export interface NodeSummary {
  readonly peerId: string
  /** Null until the node has answered once. */
  readonly name: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly addresses: readonly string[]
  /** `refused`: it is there, and gives this controller no answer. */
  readonly state: 'up' | 'down' | 'refused'
  /** Why it is not up; empty when it is. */
  readonly reason: string
  readonly version: string | null
  readonly platform: string | null
  readonly apps: number | null
  readonly resources: NodeResources | null
  /** Cores in use. */
  readonly cpuCores: number | null
  /** Round trip of the call that asked, milliseconds. */
  readonly latencyMs: number | null
}
