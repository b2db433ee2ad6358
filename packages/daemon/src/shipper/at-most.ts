import type { Clock } from '@p2p-playground/core'

/** Resolves when `wait` does, or after `ms`, which may be Infinity; then its signal aborts. */
export async function atMost(
  ms: number,
  clock: Clock,
  wait: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController()
  const waits = [wait(over.signal)]
  if (ms < Infinity) waits.push(clock.sleep(ms, over.signal))
  try {
    await Promise.race(waits)
  } finally {
    over.abort()
  }
}
