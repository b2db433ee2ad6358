import type { NodeFailure, NodeSelector } from '@p2p-playground/core'

/** True when a call names no node: then it means those that have the app. */
export function isSparse(target: NodeSelector): boolean {
  return target.nodes === undefined || target.nodes.length === 0
}

/** The failures of nodes that are not just without the app. */
export function withoutMissing(failures: readonly NodeFailure[]): NodeFailure[] {
  return failures.filter(({ code }) => code !== 'APP_NOT_FOUND')
}
