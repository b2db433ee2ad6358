import { PlaygroundError } from '@p2p-playground/core'
import type { NodeFailure, NodeInfo, NodeSummary } from '@p2p-playground/core'
import { callError } from './call-error.js'

/** A node that answered, or one that is known and did not. */
export interface KnownNode {
  readonly peerId: string
  /** What it is called, or was when it last answered. */
  readonly name: string | undefined
  readonly addresses: readonly string[]
  /** Undefined when it did not answer; then `failure` says why. */
  readonly info: NodeInfo | undefined
  readonly failure: PlaygroundError | undefined
  readonly latencyMs: number | null
  /** It may or may not be meant: labels were asked for, and nobody knows which it has. */
  readonly isDoubtful?: boolean
}

/** Its name, or its PeerID until one is known. */
export function nodeOf(one: KnownNode): { readonly node: string; readonly peerId: string } {
  return { node: one.name ?? one.peerId, peerId: one.peerId }
}

/** What the node says of itself. @throws why it did not answer */
export function requireInfo(one: KnownNode): NodeInfo {
  if (one.info !== undefined) return one.info
  throw one.failure ?? new PlaygroundError('NODE_UNREACHABLE', 'the node does not answer')
}

/** What went wrong with one node, as data. */
export function failureOf(one: KnownNode, cause: unknown): NodeFailure {
  const { code, message, hint } = callError(cause)
  return { ...nodeOf(one), code, message, hint }
}

function stateOf({ info, failure }: KnownNode): NodeSummary['state'] {
  if (info !== undefined) return 'up'
  return failure?.code === 'AUTH_ROLE' ? 'refused' : 'down'
}

/** A node as people see it. */
export function summaryOf(one: KnownNode): NodeSummary {
  return {
    peerId: one.peerId,
    name: one.name ?? null,
    labels: one.info?.labels ?? {},
    addresses: one.info?.addresses ?? one.addresses,
    state: stateOf(one),
    reason: one.failure?.message ?? '',
    version: one.info?.version ?? null,
    platform: one.info?.platform ?? null,
    apps: one.info?.apps ?? null,
    resources: one.info?.resources ?? null,
    cpuCores: one.info?.usage?.cpuCores.current ?? null,
    latencyMs: one.latencyMs,
  }
}
