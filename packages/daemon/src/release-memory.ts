const QUIET_MS = 2000

let timer: NodeJS.Timeout | undefined

/**
 * Gives back what a transfer or the start left behind, once it has been quiet for a while. The daemon starts with a large
 * initial heap limit, so that buffers passing through do not set off a collection every few megabytes; this is the other
 * half of it. Works when Node runs with --expose-gc, and does nothing otherwise.
 */
export function releaseMemorySoon(): void {
  clearTimeout(timer)
  timer = setTimeout(() => {
    globalThis.gc?.()
  }, QUIET_MS)
  timer.unref()
}
