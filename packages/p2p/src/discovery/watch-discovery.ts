import { setImmediate as othersTurn } from 'node:timers/promises'
import { errorMessage } from '@p2p-playground/core'
import type { Clock, Discovery, Logger, PeerCandidate } from '@p2p-playground/core'
import { isCandidate } from './candidate.js'

/** Before one that failed is asked again; doubled with each failure that follows. */
const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 60_000
/** How long one that was told to end is waited for. */
const END_MS = 2000

export interface DiscoveryWatch {
  readonly name: string
  readonly discovery: Discovery
  /** One that fails is asked again. */
  readonly retries: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly add: (candidate: PeerCandidate) => void
  /** Told the first failure, and the first one after it has found a peer again. */
  readonly onFailure: (name: string, error: unknown) => void
}

/** Runs one discovery until it ends or `signal` aborts. It never rejects: whatever is wrong with it is its own affair. */
export async function watchDiscovery(watch: DiscoveryWatch, signal: AbortSignal): Promise<void> {
  const { name, clock, logger } = watch
  let retryMs = FIRST_RETRY_MS
  let isFailing = false
  const found = (): void => {
    retryMs = FIRST_RETRY_MS
    isFailing = false
  }
  while (!signal.aborted) {
    try {
      await takeAll(watch, found, signal)
      return
    } catch (error) {
      if (isAborted(signal)) return
      const fields = { name, error: errorMessage(error) }
      logger.warn('discovery-failed', watch.retries ? { ...fields, retryMs } : fields)
      if (!isFailing) watch.onFailure(name, error)
      isFailing = true
      if (!watch.retries) return
    }
    await clock.sleep(retryMs, signal).catch(() => {
      // The abort is seen above.
    })
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
  }
}

async function takeAll(
  { name, discovery, add, clock, logger }: DiscoveryWatch,
  found: () => void,
  signal: AbortSignal,
): Promise<void> {
  const iterator = discovery.watch(signal)[Symbol.asyncIterator]()
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>()
  const onAbort = (): void => {
    resolve(undefined)
  }
  signal.addEventListener('abort', onAbort)
  let toldOfNonsense = false
  let next: Promise<IteratorResult<PeerCandidate>> | undefined
  try {
    while (!signal.aborted) {
      next = iterator.next()
      const result = await Promise.race([next, aborted])
      if (result === undefined) break
      next = undefined
      if (result.done === true) return
      if (isCandidate(result.value)) {
        found()
        add(result.value)
      } else if (!toldOfNonsense) {
        toldOfNonsense = true
        const error = 'it found something that is no peer with addresses'
        logger.warn('discovery-nonsense', { name, error })
      }
      // One that finds without end must not keep everything else from running.
      await othersTurn()
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  await ended(next, iterator, clock)
}

/** Lets it clean up, as long as that does not take too long: what hangs here must not keep the host from stopping. */
async function ended(
  next: Promise<unknown> | undefined,
  iterator: AsyncIterator<PeerCandidate>,
  clock: Clock,
): Promise<void> {
  const timer = new AbortController()
  const end = async (): Promise<void> => {
    await next
    await iterator.return?.()
  }
  try {
    await Promise.race([end(), clock.sleep(END_MS, timer.signal)])
  } catch {
    // It ends anyway, and nobody asks any more what it has to say.
  } finally {
    timer.abort()
  }
}

/** A function, so that the compiler does not take what it saw before an await for what is. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
