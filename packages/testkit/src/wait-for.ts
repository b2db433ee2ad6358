import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 10

/** What has not come yet, to whoever waits. */
type Nothing = undefined | null | false | 0 | ''

/**
 * Resolves with the first result that is truthy: what is often there before the thing itself (a pid of 0, an empty text, null)
 * must not pass for it.
 * @throws after `timeoutMs` (default 10 s), naming what was waited for
 */
export async function waitFor<Result>(
  what: string,
  condition: () => Result | Nothing | Promise<Result | Nothing>,
  timeoutMs = 10_000,
): Promise<Exclude<Result, Nothing>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const result = await condition()
    if (result) return result as Exclude<Result, Nothing>
    if (performance.now() > deadline) throw new Error(`waited ${String(timeoutMs)} ms for ${what}`)
    await delay(LOOK_MS)
  }
}
