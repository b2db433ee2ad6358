/** Wakes whoever waits, each time it rings. A ring between two waits is not lost: pass the count seen last. */
export class Bell {
  #count = 0
  #next = Promise.withResolvers<undefined>()

  /** How often it rang. */
  get count(): number {
    return this.#count
  }

  ring(): void {
    this.#count += 1
    const next = this.#next
    this.#next = Promise.withResolvers<undefined>()
    next.resolve(undefined)
  }

  /** Resolves once it has rung more often than `seen`; rejects when `signal` aborts. */
  async after(seen: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#count > seen) return
    const aborted = Promise.withResolvers<undefined>()
    const onAbort = (): void => {
      aborted.reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([this.#next.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
