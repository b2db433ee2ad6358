import type { PeerCandidate } from '@p2p-playground/core'

/** Sources that people vouch for; what anybody else tells is a hint. */
const NAMED: readonly string[] = ['static', 'bootstrap', 'local']
/** Old addresses of a peer that moves around are forgotten. */
const MAX_ADDRESSES = 16
/** Of those, so many are hints if there are: a peer may have left all the places that were named. */
const HINT_ADDRESSES = 4
/** Whoever is on the local network can announce as many as they like. */
const MAX_HINTS = 4096

interface Entry {
  readonly source: string
  readonly named: readonly string[]
  readonly hints: readonly string[]
}

/** Peers that some discovery has named, with the addresses heard for each; hints take no place from what people named. */
export class PeerBook {
  /** The one that was told of longest ago first. */
  readonly #peers = new Map<string, Entry>()
  readonly #listeners = new Set<(peer: PeerCandidate) => void>()

  add({ peerId, addresses, source }: PeerCandidate): void {
    const known = this.#peers.get(peerId)
    const { named = [], hints = [] } = known ?? {}
    const isNamed = NAMED.includes(source)
    this.#peers.delete(peerId)
    this.#peers.set(peerId, {
      source: known?.source ?? source,
      named: isNamed ? newest(addresses, named) : named,
      hints: isNamed ? hints : newest(addresses, hints),
    })
    this.#forgetHints()
    const merged = this.get(peerId)
    if (known !== undefined || merged === undefined) return
    for (const listener of this.#listeners) listener(merged)
  }

  get(peerId: string): PeerCandidate | undefined {
    const entry = this.#peers.get(peerId)
    if (entry === undefined) return undefined
    const { named, hints, source } = entry
    const room = MAX_ADDRESSES - Math.min(hints.length, HINT_ADDRESSES)
    return { peerId, addresses: newest(named.slice(0, room), hints), source }
  }

  all(): PeerCandidate[] {
    return [...this.#peers.keys()].flatMap((peerId) => this.get(peerId) ?? [])
  }

  /** Called for each peer that is new. */
  onPeer(listener: (peer: PeerCandidate) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #forgetHints(): void {
    if (this.#peers.size <= MAX_HINTS) return
    for (const [peerId, { named }] of this.#peers) {
      if (named.length > 0) continue
      this.#peers.delete(peerId)
      return
    }
  }
}

function newest(fresh: readonly string[], known: readonly string[]): string[] {
  return [...new Set([...fresh, ...known])].slice(0, MAX_ADDRESSES)
}
