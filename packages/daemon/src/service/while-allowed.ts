import type { Clock } from '@p2p-playground/core'
import type { Caller } from '@p2p-playground/p2p'
import { isLasting } from './authority.js'

/** How often to look whether keys have ended: by the wall clock, which may jump. */
const LOOK_MS = 1000

/**
 * What `open` gives for as long as `check` allows it. Once a key has ended without which it does not, nothing more is given,
 * and its signal aborts within a second.
 * @throws what `check` throws
 */
export async function* whileAllowed<Message>(
  open: (signal: AbortSignal) => AsyncIterable<Message>,
  { check, clock }: { readonly check: () => Caller; readonly clock: Clock },
  signal: AbortSignal,
): AsyncGenerator<Message> {
  if (check().grants().every(isLasting)) {
    yield* open(signal)
    return
  }
  const refused = new AbortController()
  const ended = new AbortController()
  const look = (): void => {
    try {
      if (!refused.signal.aborted) check()
    } catch (error) {
      refused.abort(error)
    }
  }
  // Ends by being aborted.
  lookAgain(look, clock, AbortSignal.any([ended.signal, refused.signal])).catch(() => undefined)
  try {
    for await (const message of open(AbortSignal.any([signal, refused.signal]))) {
      look()
      if (refused.signal.aborted) break
      yield message
    }
  } finally {
    ended.abort()
    // However the stream took its being aborted.
    refused.signal.throwIfAborted()
  }
}

async function lookAgain(look: () => void, clock: Clock, signal: AbortSignal): Promise<never> {
  for (;;) {
    await clock.sleep(LOOK_MS, signal)
    look()
  }
}
