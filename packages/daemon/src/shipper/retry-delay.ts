/** A number from 0 up to but not including 1. */
export type Random = () => number

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 60_000
/** A far side that asks for more is asked again sooner: it may have been a slip. */
const MAX_ASKED_MS = 600_000
const FIRST_PAUSE_MS = 30_000
const MAX_PAUSE_MS = 600_000

/**
 * Exponential backoff with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that the
 * nodes of a fleet do not all come back at once; never sooner than the far side asked for.
 */
export function retryDelayMs(
  failures: number,
  { askedMs = 0, random }: { readonly askedMs?: number | undefined; readonly random: Random },
): number {
  const ceilingMs = doubled(FIRST_RETRY_MS, failures, MAX_RETRY_MS)
  return Math.max(random() * ceilingMs, Math.min(askedMs, MAX_ASKED_MS))
}

/** Long, and never next to nothing: whoever mends credentials is a person. */
export function pauseDelayMs(failures: number, { random }: { readonly random: Random }): number {
  return doubled(FIRST_PAUSE_MS, failures, MAX_PAUSE_MS) * (0.5 + random() / 2)
}

function doubled(firstMs: number, failures: number, maxMs: number): number {
  return Math.min(firstMs * 2 ** Math.max(0, Math.min(failures, 32) - 1), maxMs)
}
