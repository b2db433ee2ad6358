import type { ErrorCode, Logger } from '@p2p-playground/core'

/** A connection that was refused. */
export interface Refusal {
  readonly peerId: string
  readonly code: ErrorCode
  readonly message: string
}

/** Tells whoever listens, and the log, about connections that were refused. */
export class Refusals {
  readonly #logger: Logger
  readonly #listeners = new Set<(refusal: Refusal) => void>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  report(refusal: Refusal): void {
    this.#logger.warn('connection-refused', { ...refusal })
    for (const listener of this.#listeners) listener(refusal)
  }

  /** Calls `listener` for each refusal until the returned function is called. */
  on(listener: (refusal: Refusal) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
