/** How many times of its own each line has: one for each part that a long line may become. */
export const MAX_PARTS = 8
/** After so many nanoseconds the count begins anew. */
const CYCLE_NANOS = 100_000_000

/**
 * The time of a line, or of a part of it, for Loki: that of the daemon plus 8 ns for each line that its source had before,
 * modulo 100 ms.
 *
 * Loki drops an entry whose stream, time and text it has, and shows the others by time. So two lines must never share a time,
 * and a line must get the same one on each try, in whatever batch, also after a crash: hence a function of the line alone.
 * It rises along a source as long as the clock does, except once in 12,500,000 lines, where it falls back by 100 ms.
 */
export function entryTime(
  { timeMs, seq }: { readonly timeMs: number; readonly seq: number },
  part: number,
): { readonly seconds: number; readonly nanos: number } {
  const offset = ((seq * MAX_PARTS) % CYCLE_NANOS) + part
  const ms = Math.trunc(timeMs) + Math.floor(offset / 1_000_000)
  const seconds = Math.floor(ms / 1000)
  return { seconds, nanos: (ms - seconds * 1000) * 1_000_000 + (offset % 1_000_000) }
}
