import type { Libp2p } from '@libp2p/interface'
import type { Discovery } from '@p2p-playground/core'
import { fixedDiscovery } from './fixed.js'
import { watchDiscovery } from './watch-discovery.js'
import type { DiscoveryWatch } from './watch-discovery.js'

export interface AllDiscoveries extends Pick<
  DiscoveryWatch,
  'clock' | 'logger' | 'add' | 'onFailure'
> {
  readonly libp2p: Libp2p
  readonly staticPeers: readonly string[]
  readonly bootstrapPeers: readonly string[]
  /** From plugins. */
  readonly discoveries: ReadonlyMap<string, Discovery>
  readonly mdns: boolean
}

/** Runs every discovery until `signal` aborts, each apart from the others. */
export async function watchAll(all: AllDiscoveries, signal: AbortSignal): Promise<void> {
  const watch = (name: string, discovery: Discovery, retries: boolean): Promise<void> => {
    const { clock, logger, add, onFailure } = all
    return watchDiscovery({ name, discovery, retries, clock, logger, add, onFailure }, signal)
  }
  const watches = [
    // An address that is wrong stays wrong.
    watch('static', fixedDiscovery('static', all.staticPeers), false),
    watch('bootstrap', fixedDiscovery('bootstrap', all.bootstrapPeers), false),
    ...[...all.discoveries].map(([name, discovery]) => watch(name, discovery, true)),
  ]
  if (all.mdns) {
    const { mdnsDiscovery } = await import('./mdns.js')
    const components = {
      addresses: () => all.libp2p.getMultiaddrs(),
      logger: all.libp2p.logger,
    }
    watches.push(watch('mdns', mdnsDiscovery(components), true))
  }
  await Promise.all(watches)
}
