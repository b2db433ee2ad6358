import type { Discovery, PeerCandidate } from '@p2p-playground/core'
import { guardedCall } from './guarded-call.js'
import type { GuardedPlugin } from './guarded-call.js'
import { runAs } from './plugin-scope.js'

/** A discovery each of whose steps runs as the plugin, and whose failures name it. */
export function guardDiscovery(discovery: Discovery, plugin: GuardedPlugin): Discovery {
  return {
    watch: (signal) => ({
      [Symbol.asyncIterator]: () => {
        let inner: AsyncIterator<PeerCandidate> | undefined
        return {
          next: async () =>
            guardedCall(
              plugin,
              () => {
                inner ??= discovery.watch(signal)[Symbol.asyncIterator]()
                return inner.next()
              },
              signal,
            ),
          return: async () => {
            await runAs(plugin.identity, async () => inner?.return?.())
            return { done: true, value: undefined }
          },
        }
      },
    }),
  }
}
