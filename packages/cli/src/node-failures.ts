import type { NodeFailure } from '@p2p-playground/core'

/**
 * The failures that count for a call about one app. An app need not be on every node: where others answered, a node
 * without it did not fail, unless it was named.
 */
export function countedFailures(
  failures: readonly NodeFailure[],
  options: { readonly answered: number; readonly isNamed: boolean },
): readonly NodeFailure[] {
  if (options.isNamed) return failures
  const others = failures.filter((failure) => failure.code !== 'APP_NOT_FOUND')
  return options.answered > 0 || others.length > 0 ? others : failures
}
