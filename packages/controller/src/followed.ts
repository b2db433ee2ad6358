import type { Clock, Followed, NodeFailure } from '@p2p-playground/core'
import { fromConnectError } from '@p2p-playground/proto'
import type { KnownNode } from './fleet.js'

const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 5000

/** What went wrong with one node, as data. */
export function failureOf(one: Pick<KnownNode, 'peerId' | 'name'>, cause: unknown): NodeFailure {
  const { code, message, hint } = fromConnectError(cause)
  return { node: one.name ?? one.peerId, peerId: one.peerId, code, message, hint }
}

/**
 * The items of one node. While following, a cut stream is opened again where it ended; a refusal ends it.
 * `open` begins behind what it has given out before.
 */
export async function* followNode<Item>(
  one: KnownNode,
  open: () => AsyncIterable<readonly Item[]>,
  options: { readonly follow: boolean; readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<Followed<readonly Item[]>> {
  let waitMs = FIRST_RETRY_MS
  for (;;) {
    try {
      for await (const items of open()) {
        waitMs = FIRST_RETRY_MS
        if (items.length > 0) yield { kind: 'item', item: items }
      }
      if (!options.follow) return
    } catch (error) {
      if (options.signal.aborted) return
      const failure = failureOf(one, error)
      yield { kind: 'failure', failure }
      if (!options.follow || failure.code !== 'NODE_UNREACHABLE') return
    }
    try {
      await options.clock.sleep(waitMs, options.signal)
    } catch {
      // Aborted: nobody follows any more.
      return
    }
    waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)
  }
}
