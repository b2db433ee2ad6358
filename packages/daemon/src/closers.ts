import { errorMessage } from '@p2p-playground/core'
import type { Logger } from '@p2p-playground/core'

/** What was opened, closed in reverse. Every closer runs, also after one that failed; closing twice is harmless. */
export class Closers {
  readonly #stack: { readonly name: string; readonly close: () => unknown }[] = []

  add(name: string, close: () => unknown): void {
    this.#stack.push({ name, close })
  }

  async closeAll(logger: Pick<Logger, 'error'>): Promise<void> {
    for (let entry = this.#stack.pop(); entry !== undefined; entry = this.#stack.pop()) {
      try {
        await entry.close()
      } catch (error) {
        logger.error('close-failed', { part: entry.name, error: errorMessage(error) })
      }
    }
  }
}
