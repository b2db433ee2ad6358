/** The PSKs of a network: one, or two while it is rotated. */
export class PskRing {
  readonly psks: readonly Uint8Array[]
  /** By PeerID: which PSK to dial it with, where it is not the first. */
  readonly #preferred = new Map<string, number>()

  constructor(psks: readonly Uint8Array[]) {
    this.psks = psks
  }

  /** The PSK to dial this peer with: the first, or the one that `turn` came to. */
  forDial(peerId: string | undefined): Uint8Array {
    const index = peerId === undefined ? 0 : (this.#preferred.get(peerId) ?? 0)
    const psk = this.psks[index]
    if (psk === undefined) throw new Error('a network without PSK has none to dial with')
    return psk
  }

  /** Dials this peer with the next PSK from now on. */
  turn(peerId: string): void {
    const next = ((this.#preferred.get(peerId) ?? 0) + 1) % this.psks.length
    if (next === 0) this.#preferred.delete(peerId)
    else this.#preferred.set(peerId, next)
  }
}
