const QUIET_MS = 2000
/** On a node that is never quiet, all the same after so long. */
const LATEST_MS = 30_000

let timer: NodeJS.Timeout | undefined
let firstAskedMs: number | undefined

/**
 * Gives back what a transfer, an action or the start left behind, once it has been quiet for a while. The daemon starts with
 * a large initial heap limit, so that buffers passing through do not set off a collection every few megabytes; this is the
 * other half of it. Works when Node runs with --expose-gc, and does nothing otherwise.
 */
export function releaseMemorySoon(): void {
  const nowMs = performance.now()
  firstAskedMs ??= nowMs
  clearTimeout(timer)
  timer = setTimeout(
    () => {
      firstAskedMs = undefined
      globalThis.gc?.()
    },
    Math.min(QUIET_MS, Math.max(firstAskedMs + LATEST_MS - nowMs, 0)),
  )
  timer.unref()
}
