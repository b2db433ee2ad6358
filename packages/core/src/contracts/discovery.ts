/** A peer somebody claims to have seen: a hint, never trusted before the handshake. */
export interface PeerCandidate {
  /** libp2p PeerID, base58. */
  readonly peerId: string
  /** Multiaddrs, each ending in /p2p/PEERID. */
  readonly addresses: readonly string[]
  /** Name of the discovery that saw it. */
  readonly source: string
}

/** Finds peers. */
export interface Discovery {
  /** Yields candidates, also the same one again, until `signal` aborts. Several may watch at a time, each for itself. */
  watch(signal: AbortSignal): AsyncIterable<PeerCandidate>
}
