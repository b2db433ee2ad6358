import { isAbsentApp } from '@p2p-playground/core'
import type { NodeFailure, NodeSelector } from '@p2p-playground/core'
import { callError } from './call-error.js'
import { failureOf } from './known-node.js'
import type { KnownNode } from './known-node.js'

/** A node that did not do what was asked. */
export interface Miss {
  readonly one: KnownNode
  readonly error: unknown
}

/** True when a call names no node: then it means those that have the app. */
export function isSparse(target: NodeSelector): boolean {
  return target.nodes === undefined || target.nodes.length === 0
}

/**
 * The misses that count as failures. An app need not be on every node: one that has nothing of it did not fail beside
 * others that have it, or that may have it, unless it was named.
 */
export function countedFailures(
  misses: readonly Miss[],
  options: { readonly answered: number; readonly isSparse: boolean },
): NodeFailure[] {
  const others = misses.filter(({ error }) => !isAbsentApp(callError(error)))
  const isEnough = options.isSparse && (options.answered > 0 || others.length > 0)
  return (isEnough ? others : misses).map(({ one, error }) => failureOf(one, error))
}
