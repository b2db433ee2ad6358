import type { NodeFailure } from '@p2p-playground/core'

/** Names the nodes whose labels are not known; empty when there is none. */
export function leftOut(failures: readonly NodeFailure[]): string {
  if (failures.length === 0) return ''
  const names = failures.map(({ node }) => node).join(', ')
  return `left out, since their labels are not known: ${names} ("p2p-playground node list" says why)`
}
