import type { Discovery } from '@p2p-playground/core'
import { peerIdOf } from '../addresses.js'

/** Peers that somebody named by their addresses: `static` (node add) and `bootstrap`. */
export function fixedDiscovery(
  source: 'static' | 'bootstrap',
  addresses: readonly string[],
): Discovery {
  return {
    async *watch(signal) {
      for (const address of addresses) {
        if (signal.aborted) return
        yield await Promise.resolve({ peerId: peerIdOf(address), addresses: [address], source })
      }
    },
  }
}
