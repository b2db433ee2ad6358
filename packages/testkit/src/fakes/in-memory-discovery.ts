import type { Discovery, PeerCandidate } from '@p2p-playground/core'

/** Yields the candidates that a test gives it, then those that it adds. */
export class InMemoryDiscovery implements Discovery {
  readonly #candidates: PeerCandidate[]
  #grown = Promise.withResolvers<undefined>()

  constructor(candidates: readonly PeerCandidate[]) {
    this.#candidates = [...candidates]
  }

  /** One more turns up. */
  add(candidate: PeerCandidate): void {
    this.#candidates.push(candidate)
    this.#grown.resolve(undefined)
    this.#grown = Promise.withResolvers<undefined>()
  }

  async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    const aborted = Promise.withResolvers<undefined>()
    const onAbort = (): void => {
      aborted.resolve(undefined)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      for (let next = 0; !signal.aborted;) {
        const candidate = this.#candidates[next]
        if (candidate === undefined) {
          await Promise.race([this.#grown.promise, aborted.promise])
        } else {
          next += 1
          yield candidate
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
