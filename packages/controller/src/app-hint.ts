import { isAbsentApp } from '@p2p-playground/core'
import type { NodeFailure } from '@p2p-playground/core'
import { didYouMean } from '@p2p-playground/core/config'
import { callError } from './call-error.js'
import { countedFailures } from './sparse.js'
import type { Miss } from './sparse.js'
import type { NodeClient } from './survey.js'

/** A hint is not worth more waiting. */
const NAMES_MS = 5000

/** How nodes failed that were asked, and what became of the others. */
export interface Outcome {
  readonly misses: readonly Miss[]
  readonly answered: number
  readonly isSparse: boolean
  /** Missing: the call was about no app. */
  readonly app: string | undefined
}

/**
 * The failures that count. Where no node has the app, with the name of one that may have been meant: nodes list only those
 * that whoever asks may see.
 */
export async function appFailures(
  outcome: Outcome,
  clientOf: (peerId: string) => NodeClient,
  signal: AbortSignal,
): Promise<NodeFailure[]> {
  const { misses, app, answered } = outcome
  const failures = countedFailures(misses, outcome)
  const isAbsent = misses.some(({ error }) => isAbsentApp(callError(error)))
  if (app === undefined || answered > 0 || !isAbsent) return failures
  const there = misses.filter(({ one }) => one.info !== undefined)
  const lists = await Promise.all(
    there.map(async ({ one }) => namesOf(clientOf(one.peerId), signal)),
  )
  const names = [...new Set(lists.flat())].sort()
  const guess = names.includes(app) ? undefined : didYouMean(app, names)
  return guess === undefined ? failures : failures.map((failure) => withGuess(failure, app, guess))
}

async function namesOf(client: NodeClient, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const { instances } = await client.listApps({}, { signal, timeoutMs: NAMES_MS })
    return instances.map(({ app }) => app)
  } catch {
    // Whoever may not list apps is given no name; what went wrong is told without.
    return []
  }
}

/** A node that failed in another way may have the app. */
function withGuess(failure: NodeFailure, app: string, guess: string): NodeFailure {
  const { code, hint } = failure
  const parts =
    code === 'APP_NOT_FOUND' ? [guess, hint] : [hint, `No other node has an app "${app}".`, guess]
  return { ...failure, hint: parts.filter((part) => part !== undefined).join(' ') }
}
