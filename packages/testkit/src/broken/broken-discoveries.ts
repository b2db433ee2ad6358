import type { PeerCandidate, PluginLifecycle } from '@p2p-playground/core'
import type { DiscoverySetup } from '../contracts/discovery-contract.js'
import { fakeDiscoverySetup } from '../fakes/fake-setups.js'
import { InMemoryDiscovery } from '../fakes/in-memory-discovery.js'
import type { BrokenPlugin } from './broken-plugin.js'
import { withFaultyLifecycles } from './faulty-lifecycles.js'

type Candidates = readonly PeerCandidate[]

/** Yields something else than it found. */
class Alters extends InMemoryDiscovery {
  readonly #alter: (candidate: PeerCandidate) => PeerCandidate

  constructor(candidates: Candidates, alter: (candidate: PeerCandidate) => PeerCandidate) {
    super(candidates)
    this.#alter = alter
  }

  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    for await (const candidate of super.watch(signal)) yield this.#alter(candidate)
  }
}

class YieldsThoughAborted extends InMemoryDiscovery {
  readonly #candidates: Candidates

  constructor(candidates: Candidates) {
    super(candidates)
    this.#candidates = candidates
  }

  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    if (signal.aborted) yield* this.#candidates
    else yield* super.watch(signal)
  }
}

class HangsWhileItWaits extends InMemoryDiscovery {
  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    if (signal.aborted) return
    yield* super.watch(new AbortController().signal)
  }
}

class SharesOneQueue extends InMemoryDiscovery {
  readonly #queue: PeerCandidate[]

  constructor(candidates: Candidates) {
    super([])
    this.#queue = [...candidates]
  }

  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (signal.aborted) return
      yield next
    }
    yield* super.watch(signal)
  }
}

class EndsAllAtOneAbort extends InMemoryDiscovery {
  #all = new AbortController()
  #watching = 0

  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    if (this.#watching === 0) this.#all = new AbortController()
    this.#watching += 1
    const all = this.#all
    const onAbort = (): void => {
      all.abort()
    }
    signal.addEventListener('abort', onAbort)
    try {
      yield* super.watch(AbortSignal.any([signal, all.signal]))
    } finally {
      this.#watching -= 1
      signal.removeEventListener('abort', onAbort)
    }
  }
}

class WatchesOneAfterTheOther extends InMemoryDiscovery {
  #before: Promise<void> = Promise.resolve()

  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    const before = this.#before
    const over = Promise.withResolvers<undefined>()
    this.#before = over.promise
    await before
    try {
      yield* super.watch(signal)
    } finally {
      over.resolve(undefined)
    }
  }
}

class LosesWhatNobodyTakes extends InMemoryDiscovery {
  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    let take: (candidate?: PeerCandidate) => void = () => undefined
    const pump = async (found: AsyncIterable<PeerCandidate>): Promise<void> => {
      for await (const candidate of found) {
        await new Promise((resolve) => setImmediate(resolve))
        take(candidate)
      }
      take()
    }
    void pump(super.watch(signal))
    while (!signal.aborted) {
      const next = Promise.withResolvers<PeerCandidate | undefined>()
      take = next.resolve
      const candidate = await next.promise
      if (candidate !== undefined) yield candidate
    }
  }
}

class LooksOnce extends InMemoryDiscovery {
  readonly #candidates: Candidates

  constructor(candidates: Candidates) {
    super([])
    this.#candidates = candidates
  }

  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    for (const candidate of this.#candidates) {
      if (signal.aborted) return
      yield candidate
    }
    yield* new InMemoryDiscovery([]).watch(signal)
  }
}

class SharesItsEnd extends InMemoryDiscovery {
  static isClosed = false

  async open(): Promise<void> {
    SharesItsEnd.isClosed = false
    return Promise.resolve()
  }

  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    if (!SharesItsEnd.isClosed) yield* super.watch(signal)
  }

  async close(): Promise<void> {
    SharesItsEnd.isClosed = true
    return Promise.resolve()
  }
}

class HangsWhenLeft extends InMemoryDiscovery {
  override async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    try {
      yield* super.watch(signal)
    } finally {
      if (!signal.aborted) await Promise.withResolvers<undefined>().promise
    }
  }
}

const names = 'finds the peers, each with addresses that name it'

const broken = (
  fault: string,
  make: (candidates: Candidates) => InMemoryDiscovery & PluginLifecycle,
  breaks: readonly string[],
  says: RegExp,
): BrokenPlugin<DiscoverySetup> => ({
  fault,
  breaks,
  says,
  setup: fakeDiscoverySetup(make),
})

export const BROKEN_DISCOVERIES: readonly BrokenPlugin<DiscoverySetup>[] = [
  broken(
    'gives addresses without the peer',
    (all) =>
      new Alters(all, (one) => ({
        ...one,
        addresses: one.addresses.map((address) => address.replace(/\/p2p\/.*$/, '')),
      })),
    [names],
    /p2p/,
  ),
  broken(
    'does not say who saw the peer',
    (all) => new Alters(all, (one) => ({ ...one, source: '' })),
    [names],
    /match/,
  ),
  broken(
    'yields more than plain data',
    (all) => new Alters(all, (one) => Object.assign({ seen: new Date(0) }, one)),
    ['yields plain data'],
    /seen/,
  ),
  broken(
    'yields though it is aborted',
    (all) => new YieldsThoughAborted(all),
    ['ends when it is aborted'],
    /done/,
  ),
  broken(
    'hangs when it is aborted while it waits',
    (all) => new HangsWhileItWaits(all),
    [
      'ends when it is aborted while the next peer is waited for',
      'goes on with one watch when another is aborted',
      'ends a watch that comes after close',
    ],
    /took longer/,
  ),
  broken(
    'gives each peer to one watcher only',
    (all) => new SharesOneQueue(all),
    [
      'can be watched twice at a time',
      'goes on with one watch when another is aborted',
      'can be watched again',
      'keeps instances apart',
    ],
    /not found/,
  ),
  broken(
    'ends all watches when one is aborted',
    (all) => new EndsAllAtOneAbort(all),
    ['goes on with one watch when another is aborted', 'can be watched twice at a time'],
    /not found/,
  ),
  broken(
    'watches once at a time',
    (all) => new WatchesOneAfterTheOther(all),
    ['can be watched twice at a time', 'goes on with one watch when another is aborted'],
    /took longer/,
  ),
  broken(
    'loses what comes while the watcher is busy',
    (all) => new LosesWhatNobodyTakes(all),
    [
      'loses nothing while the watcher is busy',
      'can be watched twice at a time',
      'goes on with one watch when another is aborted',
    ],
    /not found/,
  ),
  broken(
    'looks only at the beginning',
    (all) => new LooksOnce(all),
    ['finds a peer that turns up later'],
    /took longer/,
  ),
  broken(
    'keeps its state outside of the instance',
    (all) => new SharesItsEnd(all),
    ['keeps instances apart'],
    /not found/,
  ),
  broken(
    'hangs when the watcher goes away',
    (all) => new HangsWhenLeft(all),
    ['ends when the watcher goes away'],
    /return took longer/,
  ),
  ...withFaultyLifecycles((wrap) => fakeDiscoverySetup((all) => wrap(new InMemoryDiscovery(all)))),
]
