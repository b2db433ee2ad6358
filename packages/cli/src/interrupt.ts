import { constants } from 'node:os'
import { formatDuration } from '@p2p-playground/core/duration'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { pause } from '@p2p-playground/core/pause'

/** A launcher passes on a signal that the terminal sent to us as well: within this time two are one. */
const ONE_MS = 300

/** Ctrl-C, SIGTERM and a time limit as one AbortSignal. A second Ctrl-C ends the process at once. */
export class Interrupt {
  readonly #controller = new AbortController()
  #firstMs: number | undefined

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Until this is called, signals end the process as usual. Idempotent. */
  listen(): void {
    if (this.#firstMs !== undefined) return
    this.#firstMs = Infinity
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        this.#received(name)
      })
    }
  }

  /** Aborts with APP_WAIT_TIMEOUT when the time is over; gives a function that lifts the limit. */
  limit(timeoutMs: number): () => void {
    const lifted = new AbortController()
    pause(timeoutMs, { signal: lifted.signal, ref: false }).then(
      () => {
        const text = `not done within ${formatDuration(timeoutMs)}`
        this.#controller.abort(
          new PlaygroundError('APP_WAIT_TIMEOUT', text, {
            hint: 'Give it longer with --timeout, and see what the nodes say with "p2p-playground node list".',
          }),
        )
      },
      // It was lifted.
      () => undefined,
    )
    return () => {
      lifted.abort()
    }
  }

  #received(name: 'SIGINT' | 'SIGTERM'): void {
    const exit = 128 + constants.signals[name]
    if (!this.signal.aborted) {
      this.#firstMs = performance.now()
      this.#controller.abort(
        new PlaygroundError('CANCELED', 'interrupted', { details: { signal: name, exit } }),
      )
    } else if (performance.now() - (this.#firstMs ?? 0) > ONE_MS) process.exit(exit)
  }
}
