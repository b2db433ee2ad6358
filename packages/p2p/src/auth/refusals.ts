import type { Clock, ErrorCode, Logger } from '@p2p-playground/core'
import { PeerLines } from '../peer-lines.js'

/** A connection that was refused. */
export interface Refusal {
  readonly peerId: string
  readonly code: ErrorCode
  readonly message: string
}

/** Tells whoever listens of each connection that was refused, and the log of few: a stranger may dial without end. */
export class Refusals {
  readonly #lines: PeerLines
  readonly #listeners = new Set<(refusal: Refusal) => void>()

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#lines = new PeerLines({ clock, logger, event: 'connection-refused' })
  }

  report(refusal: Refusal): void {
    this.#lines.add({ ...refusal })
    for (const listener of this.#listeners) listener(refusal)
  }

  /** Calls `listener` for each refusal until the returned function is called. */
  on(listener: (refusal: Refusal) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Logs what was only counted. Idempotent. */
  close(): void {
    this.#lines.close()
  }
}
