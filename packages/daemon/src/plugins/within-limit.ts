import { formatDuration } from '@p2p-playground/core'
import type { Clock } from '@p2p-playground/core'

/**
 * What `work` gives, unless it takes too long: then it is left to itself, its signal aborted, and an error says `late`.
 * How it ends later is of no interest to anybody.
 */
export async function withinLimit<Value>(
  work: (signal: AbortSignal) => Value | PromiseLike<Value>,
  limit: { readonly clock: Clock; readonly limitMs: number; readonly late: string },
): Promise<Value> {
  const stop = new AbortController()
  const timer = new AbortController()
  const late = async (): Promise<never> => {
    await limit.clock.sleep(limit.limitMs, timer.signal)
    const error = new Error(`${limit.late} within ${formatDuration(limit.limitMs)}`)
    stop.abort(error)
    throw error
  }
  try {
    return await Promise.race([start(work, stop.signal), late()])
  } finally {
    timer.abort()
  }
}

/** What is thrown at once is a rejection like any other. */
async function start<Value>(
  work: (signal: AbortSignal) => Value | PromiseLike<Value>,
  signal: AbortSignal,
): Promise<Value> {
  return work(signal)
}
