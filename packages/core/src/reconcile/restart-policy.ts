import { formatDuration } from '../model/duration.js'
import type { RunEnd } from '../model/instance-record.js'

export interface RestartPolicy {
  readonly policy: 'always' | 'on-failure' | 'never'
  /** Before the first restart; doubled for each further one. */
  readonly delayMs: number
  readonly backoffMaxMs: number
  /** Starts allowed within `windowMs`, the first one included. */
  readonly maxAttempts: number
  readonly windowMs: number
}

export type RestartDecision =
  | { readonly kind: 'restart'; readonly atMs: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'give-up'; readonly reason: string }

/** Ended well: by itself, with status 0. */
export function endedWell(end: Pick<RunEnd, 'exit' | 'unhealthy'>): boolean {
  return !end.unhealthy && end.exit.kind === 'exited' && end.exit.code === 0
}

/**
 * What follows the end of a run. `startsMs` are the starts of this generation, oldest first, on the clock of `end`; a run
 * longer than the window begins the count anew.
 */
export function decideRestart(
  policy: RestartPolicy,
  startsMs: readonly number[],
  end: RunEnd,
): RestartDecision {
  if (policy.policy === 'never' || (policy.policy === 'on-failure' && endedWell(end)))
    return { kind: 'done' }
  const recent = startsMs.filter((startMs) => startMs > end.atMs - policy.windowMs)
  if (recent.length >= policy.maxAttempts) {
    return {
      kind: 'give-up',
      reason: `${String(recent.length)} starts within ${formatDuration(policy.windowMs)}`,
    }
  }
  const doublings = Math.min(Math.max(recent.length - 1, 0), 30)
  return {
    kind: 'restart',
    atMs: end.atMs + Math.min(policy.delayMs * 2 ** doublings, policy.backoffMaxMs),
  }
}
