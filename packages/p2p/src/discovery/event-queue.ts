/** Turns pushed values into an async iteration. */
export class EventQueue<Value> {
  readonly #values: Value[] = []
  #wake: (() => void) | undefined

  push(value: Value): void {
    this.#values.push(value)
    this.#wake?.()
  }

  /** Values as they come, until `signal` aborts. */
  async *drain(signal: AbortSignal): AsyncGenerator<Value> {
    const onAbort = (): void => this.#wake?.()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted) {
        const value = this.#values.shift()
        if (value !== undefined) {
          yield value
          continue
        }
        const { promise, resolve } = Promise.withResolvers<undefined>()
        this.#wake = () => {
          resolve(undefined)
        }
        await promise
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
