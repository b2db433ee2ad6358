import type { ComponentLogger, PeerInfo } from '@libp2p/interface'
import { mdns } from '@libp2p/mdns'
import type { Discovery, PeerCandidate } from '@p2p-playground/core'
import type { Multiaddr } from '@multiformats/multiaddr'
import { EventQueue } from './event-queue.js'

/** How often the network is asked. */
const INTERVAL_MS = 10_000

/** Finds peers on the local network by multicast DNS, and lets them find this one. */
export function mdnsDiscovery(components: {
  readonly addresses: () => Multiaddr[]
  readonly logger: ComponentLogger
}): Discovery {
  return {
    async *watch(signal) {
      const service = mdns({ interval: INTERVAL_MS })({
        addressManager: { getAddresses: components.addresses },
        logger: components.logger,
      } as Parameters<ReturnType<typeof mdns>>[0])
      const queue = new EventQueue<PeerCandidate>()
      service.addEventListener('peer', (event) => {
        queue.push(toCandidate(event.detail))
      })
      const startable = service as unknown as { start(): Promise<void>; stop(): Promise<void> }
      await startable.start()
      try {
        yield* queue.drain(signal)
      } finally {
        await startable.stop()
      }
    },
  }
}

function toCandidate(peer: PeerInfo): PeerCandidate {
  const peerId = peer.id.toString()
  const addresses = peer.multiaddrs.map((address) => {
    const text = address.toString().replace(/\/p2p\/[^/]+$/, '')
    return `${text}/p2p/${peerId}`
  })
  return { peerId, addresses, source: 'mdns' }
}
