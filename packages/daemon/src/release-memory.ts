const QUIET_MS = 2000
/**
 * On a node that is never quiet, all the same after so long: garbage also holds memory of the C library, whose heap would grow
 * around it and keep the holes.
 */
const LATEST_MS = 5_000
/** A transfer is not to be held up as often. */
const LATEST_HELD_MS = 30_000
/** Growth since the last collection that is worth another one. */
const WORTH_BYTES = 4 * 1024 * 1024

let timer: NodeJS.Timeout | undefined
let firstAskedMs: number | undefined
let holders = 0
/** Resident after the last collection while it was quiet. */
let settledBytes = 0

/**
 * Gives back what a transfer, an action or the start left behind, once it has been quiet for a while. The daemon starts with
 * a large initial heap limit, so that buffers passing through do not set off a collection every few megabytes; this is the
 * other half of it. Works when Node runs with --expose-gc, and does nothing otherwise.
 */
export function releaseMemorySoon(): void {
  firstAskedMs ??= performance.now()
  schedule(firstAskedMs)
}

/** It is not quiet before the returned function is called: a full collection would hold up what is under way. */
export function holdMemory(): () => void {
  holders += 1
  if (firstAskedMs !== undefined) schedule(firstAskedMs)
  return () => {
    holders -= 1
    // What comes right after a transfer is to be quick as well.
    if (holders === 0) firstAskedMs = undefined
    releaseMemorySoon()
  }
}

function schedule(askedMs: number): void {
  const isHeld = holders > 0
  const latestMs = Math.max(askedMs + (isHeld ? LATEST_HELD_MS : LATEST_MS) - performance.now(), 0)
  const waitMs = isHeld ? latestMs : Math.min(QUIET_MS, latestMs)
  clearTimeout(timer)
  timer = setTimeout(() => {
    firstAskedMs = undefined
    const quiet = waitMs === QUIET_MS
    collect(quiet)
    if (!quiet) releaseMemorySoon()
  }, waitMs)
  timer.unref()
}

/**
 * An ordinary collection keeps the pages that it empties for what comes next; the last resort gives them back to the
 * system, and takes twice as long. Where nothing has come since, a loop of restarts for one, there is no need of either.
 */
function collect(quiet: boolean): void {
  if (process.memoryUsage.rss() < settledBytes + WORTH_BYTES) return
  if (!quiet) {
    globalThis.gc?.()
    return
  }
  globalThis.gc?.({ execution: 'sync', flavor: 'last-resort', type: 'major' })
  settledBytes = process.memoryUsage.rss()
}
