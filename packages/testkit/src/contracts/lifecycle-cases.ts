import type { PluginLifecycle } from '@p2p-playground/core'
import type { ContractCase, ContractHooks } from './contract-case.js'
import { forever, inOrder, prompt, settled } from './contract-case.js'

/** The promises of `open` and `close`, which are the same for each seam. */
export function lifecycleCases(
  hooks: ContractHooks,
  make: () => Promise<PluginLifecycle> | PluginLifecycle,
): ContractCase[] {
  const lifecycleCase = (
    name: string,
    body: (plugin: PluginLifecycle) => Promise<void>,
  ): ContractCase => ({
    name,
    run: async () =>
      inOrder([
        async () => {
          await hooks.setup?.()
          await body(await make())
        },
        async () => hooks.teardown?.(),
      ]),
  })

  return [
    lifecycleCase('opens twice and closes twice without harm', async (plugin) => {
      await plugin.open?.(forever)
      await plugin.open?.(forever)
      await plugin.close?.()
      await plugin.close?.()
    }),

    lifecycleCase('closes without having been opened', async (plugin) => {
      await prompt(hooks, 'close', Promise.resolve(plugin.close?.()))
    }),

    lifecycleCase('closes while it opens, and both end', async (plugin) => {
      const stop = new AbortController()
      const opening = Promise.resolve(plugin.open?.(stop.signal))
      stop.abort(new Error('the daemon stops'))
      const both = Promise.all([settled(opening), Promise.resolve(plugin.close?.())])
      await prompt(hooks, 'close while it opened', both)
    }),

    lifecycleCase('ends an open whose signal has aborted', async (plugin) => {
      const opening = Promise.resolve(
        plugin.open?.(AbortSignal.abort(new Error('the daemon stops'))),
      )
      await prompt(hooks, 'open', settled(opening))
      await plugin.close?.()
    }),
  ]
}
