import type { Discovery, PeerCandidate } from '@p2p-playground/core'

/** Yields the candidates that a test gives it, then waits. */
export class InMemoryDiscovery implements Discovery {
  readonly #candidates: readonly PeerCandidate[]

  constructor(candidates: readonly PeerCandidate[]) {
    this.#candidates = candidates
  }

  async *watch(signal: AbortSignal): AsyncGenerator<PeerCandidate> {
    for (const candidate of this.#candidates) {
      if (signal.aborted) return
      yield candidate
    }
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    signal.addEventListener('abort', () => {
      resolve(undefined)
    })
    await promise
  }
}
