import { setImmediate as turn } from 'node:timers/promises'
import type { PluginLifecycle } from '@p2p-playground/core'
import type { BrokenPlugin } from './broken-plugin.js'

class OpensOnce implements PluginLifecycle {
  #isOpen = false

  async open(): Promise<void> {
    if (this.#isOpen) throw new Error('it is open already')
    this.#isOpen = true
    return Promise.resolve()
  }
}

class ClosesOnlyWhatIsOpen implements PluginLifecycle {
  #isOpen = false

  async open(): Promise<void> {
    this.#isOpen = true
    return Promise.resolve()
  }

  async close(): Promise<void> {
    if (!this.#isOpen) throw new Error('it is not open')
    return Promise.resolve()
  }
}

class WaitsForItselfToOpen implements PluginLifecycle {
  #isOpening = false

  async open(): Promise<void> {
    this.#isOpening = true
    await turn()
    this.#isOpening = false
  }

  async close(): Promise<void> {
    if (this.#isOpening) await never()
  }
}

class OpensThoughAborted implements PluginLifecycle {
  async open(signal: AbortSignal): Promise<void> {
    if (signal.aborted) await never()
  }
}

async function never(): Promise<void> {
  await Promise.withResolvers<undefined>().promise
}

interface FaultyLifecycle extends Omit<BrokenPlugin<unknown>, 'setup'> {
  readonly make: () => PluginLifecycle
}

const FAULTY_LIFECYCLES: readonly FaultyLifecycle[] = [
  {
    fault: 'cannot be opened twice',
    make: () => new OpensOnce(),
    breaks: ['opens twice and closes twice without harm'],
    says: /open already/,
  },
  {
    fault: 'cannot be closed without having been opened',
    make: () => new ClosesOnlyWhatIsOpen(),
    breaks: ['closes without having been opened'],
    says: /it is not open/,
  },
  {
    fault: 'hangs when it is closed while it opens',
    make: () => new WaitsForItselfToOpen(),
    breaks: ['closes while it opens, and both end'],
    says: /close while it opened took longer/,
  },
  {
    fault: 'goes on opening though it is aborted',
    make: () => new OpensThoughAborted(),
    breaks: ['ends an open whose signal has aborted'],
    says: /open took longer/,
  },
]

/** A good plugin of each, but for its `open` and `close`. `wrap` puts those of a lifecycle on what a setup makes. */
export function withFaultyLifecycles<Setup>(
  setupOf: (wrap: <Plugin extends object>(plugin: Plugin) => Plugin & PluginLifecycle) => Setup,
): BrokenPlugin<Setup>[] {
  return FAULTY_LIFECYCLES.map(({ make, ...broken }) => ({
    ...broken,
    setup: setupOf((plugin) => {
      const lifecycle = make()
      return Object.assign(plugin, {
        open: async (signal: AbortSignal) => lifecycle.open?.(signal),
        close: async () => lifecycle.close?.(),
      })
    }),
  }))
}
