import timers from 'node:timers/promises'

/** The longest time that a timer of Node can have, 24.8 days; with a longer one it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Resolves after `ms`, however long that is; rejects with the signal's reason when aborted. `ref: false` lets the process end
 * meanwhile.
 */
export async function pause(
  ms: number,
  options: { readonly signal?: AbortSignal | undefined; readonly ref?: boolean } = {},
): Promise<void> {
  const { signal, ref = true } = options
  try {
    let leftMs = ms
    do {
      await timers.setTimeout(Math.min(leftMs, MAX_TIMER_MS), undefined, {
        ref,
        ...(signal === undefined ? {} : { signal }),
      })
      leftMs -= MAX_TIMER_MS
    } while (leftMs > 0)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
