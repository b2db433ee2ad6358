import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 10

/**
 * Resolves with the first result that is neither undefined nor false.
 * @throws after `timeoutMs` (default 10 s), naming what was waited for
 */
export async function waitFor<Result>(
  what: string,
  condition: () => Result | undefined | false | Promise<Result | undefined | false>,
  timeoutMs = 10_000,
): Promise<Result> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const result = await condition()
    if (result !== undefined && result !== false) return result
    if (performance.now() > deadline) throw new Error(`waited ${String(timeoutMs)} ms for ${what}`)
    await delay(LOOK_MS)
  }
}
