import type { PeerCandidate } from '@p2p-playground/core'

/** Peers that some discovery has named, with all addresses heard for each. */
export class PeerBook {
  readonly #peers = new Map<string, PeerCandidate>()
  readonly #listeners = new Set<(peer: PeerCandidate) => void>()

  add(candidate: PeerCandidate): void {
    const known = this.#peers.get(candidate.peerId)
    const addresses = [...new Set([...candidate.addresses, ...(known?.addresses ?? [])])].slice(
      0,
      MAX_ADDRESSES,
    )
    const merged = {
      peerId: candidate.peerId,
      addresses,
      source: known?.source ?? candidate.source,
    }
    this.#peers.set(candidate.peerId, merged)
    if (known === undefined) for (const listener of this.#listeners) listener(merged)
  }

  get(peerId: string): PeerCandidate | undefined {
    return this.#peers.get(peerId)
  }

  all(): PeerCandidate[] {
    return [...this.#peers.values()]
  }

  /** Called for each peer that is new. */
  onPeer(listener: (peer: PeerCandidate) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Old addresses of a peer that moves around are forgotten. */
const MAX_ADDRESSES = 16
