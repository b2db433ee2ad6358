import type { Clock } from '@p2p-playground/core'
import type { Bell } from './bell.js'

/** Resolves at the next change after `seen`, or after `againMs`, whichever is first. */
export async function nextLook(
  { changed, clock }: { readonly changed: Bell; readonly clock: Clock },
  { seen, againMs }: { readonly seen: number; readonly againMs: number | undefined },
  signal: AbortSignal,
): Promise<void> {
  const round = new AbortController()
  const ends = AbortSignal.any([signal, round.signal])
  const waits = [changed.after(seen, ends)]
  if (againMs !== undefined) waits.push(clock.sleep(againMs, ends))
  try {
    await Promise.race(waits)
  } finally {
    round.abort()
    await Promise.allSettled(waits)
  }
}
