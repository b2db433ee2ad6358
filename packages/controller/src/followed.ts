import { PlaygroundError, isPlaygroundError } from '@p2p-playground/core'
import type { Clock, ErrorCode, Followed } from '@p2p-playground/core'
import { callError } from './call-error.js'
import { failureOf } from './known-node.js'
import type { KnownNode } from './known-node.js'
import type { NodeClient } from './survey.js'

const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 5000
/** A stream that was open for so long counts as well again, also when nothing came. */
const SOUND_MS = 1000
/** How often a node is asked whether it lives while a stream of it is open, and how long it may take to answer. */
const BEAT_MS = 5000
const BEAT_LIMIT_MS = 10_000

/** What may be over the next time. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'NODE_UNREACHABLE',
  'AUTH_MEMBERSHIP',
  'CANCELED',
  'INTERNAL',
])

/** Opens a stream of a node, behind what it has given out before. */
export type OpenStream<Item> = (
  client: NodeClient,
  signal: AbortSignal,
) => AsyncIterable<readonly Item[]>

export interface StreamContext {
  readonly client: NodeClient
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * The items of one node for as long as somebody follows. A cut stream is opened again after a growing pause; that the
 * node is down is said once per outage, when it cannot be reached again at once. A refusal ends it.
 */
export async function* followNode<Item>(
  one: KnownNode,
  open: OpenStream<Item>,
  context: StreamContext & {
    /** It was down before, and that was said. */
    readonly isDown: boolean
    /** What there is to say beside the items, taken with each answer. */
    readonly notices: () => Iterable<Followed<never>>
  },
): AsyncGenerator<Followed<readonly Item[]>> {
  const { client, clock, signal } = context
  let isTold = context.isDown
  let misses = isTold ? 1 : 0
  while (await pause(misses, context)) {
    let openMs: number | undefined
    try {
      if (misses > 0) await client.getInfo({}, { timeoutMs: BEAT_LIMIT_MS, signal })
      isTold = false
      openMs = clock.monotonic()
      for await (const items of whileAlive(open, context)) {
        misses = 0
        yield* context.notices()
        if (items.length > 0) yield { kind: 'item', item: items }
      }
      misses += 1
    } catch (error) {
      if (signal.aborted) return
      const isSound = openMs !== undefined && clock.monotonic() - openMs > SOUND_MS
      misses = isSound ? 1 : misses + 1
      const isOver = !isPassing(error)
      // What we found ourselves, silence, is sure the first time.
      if (!isTold && (isOver || misses > 1 || isPlaygroundError(error))) {
        isTold = true
        yield { kind: 'failure', failure: failureOf(one, error) }
      }
      if (isOver) return
    }
  }
}

/** Waits before the next try, the longer the more have failed. False when nobody follows any more. */
export async function pause(
  misses: number,
  { clock, signal }: Pick<StreamContext, 'clock' | 'signal'>,
): Promise<boolean> {
  if (misses > 0) {
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** (misses - 1), MAX_RETRY_MS)
    // Ends early by being aborted.
    await clock.sleep(waitMs, signal).catch(() => undefined)
  }
  return !signal.aborted
}

/**
 * A stream of a node that ends with NODE_UNREACHABLE when the node falls silent: a machine that lost its power
 * closes no connection.
 */
export async function* whileAlive<Item>(
  open: OpenStream<Item>,
  { client, clock, signal }: StreamContext,
): AsyncGenerator<readonly Item[]> {
  const lost = new AbortController()
  const ended = new AbortController()
  // Ends by being aborted.
  beat({ client, clock, lost, ended: ended.signal }).catch(() => undefined)
  try {
    yield* open(client, AbortSignal.any([signal, lost.signal]))
  } catch (error) {
    if (!lost.signal.aborted) throw error
    throw new PlaygroundError('NODE_UNREACHABLE', 'the node does not answer any more', {
      cause: error,
    })
  } finally {
    ended.abort()
  }
}

/** Asks a node again and again, and aborts `lost` when it does not answer. */
async function beat(options: {
  readonly client: NodeClient
  readonly clock: Clock
  readonly lost: AbortController
  readonly ended: AbortSignal
}): Promise<void> {
  const { client, clock, lost, ended } = options
  for (;;) {
    await clock.sleep(BEAT_MS, ended)
    const answered = new AbortController()
    const tooLate = clock.sleep(BEAT_LIMIT_MS, AbortSignal.any([ended, answered.signal])).then(
      () => {
        lost.abort()
      },
      // It answered, or nobody cares any more.
      () => undefined,
    )
    // A failure shows in the stream itself; here only silence counts.
    await Promise.race([client.getInfo({}, { signal: ended }).catch(() => undefined), tooLate])
    answered.abort()
  }
}

/** True for what another try may not meet again; what this side made of an answer is no such thing. */
export function isPassing(error: unknown): boolean {
  return !isPlaygroundError(error) || error.code !== 'INTERNAL'
    ? PASSING.has(callError(error).code)
    : false
}
