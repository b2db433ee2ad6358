/** A list that grows, and followers that read it. */
export class Feed<Item> {
  readonly items: Item[] = []
  /** How many follow now. */
  followers = 0
  readonly #waiting = new Set<() => void>()

  push(...items: readonly Item[]): void {
    this.items.push(...items)
    for (const wake of this.#waiting) wake()
  }

  /** What is there now, then what comes, until `signal` aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<readonly Item[]> {
    let next = 0
    this.followers += 1
    try {
      while (!signal.aborted) {
        const fresh = this.items.slice(next)
        next += fresh.length
        if (fresh.length > 0) yield fresh
        else await this.#changed(signal)
      }
    } finally {
      this.followers -= 1
    }
  }

  async #changed(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    this.#waiting.add(wake)
    signal.addEventListener('abort', wake, { once: true })
    await promise
    signal.removeEventListener('abort', wake)
    this.#waiting.delete(wake)
  }
}
