import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Control, Logger } from '@p2p-playground/core'
import type { Home } from '@p2p-playground/core/config'
import { createHost, loadIdentity } from '@p2p-playground/p2p'
import type { ControllerConfig } from './config/index.js'
import { loadControllerKey } from './config/signing-key.js'
import { HostControl } from './control.js'
import { Fleet } from './fleet.js'

/** A controller for as long as one command takes: it listens nowhere; nodes answer on the connections it opens. */
export async function createControl(options: {
  readonly home: Home
  readonly config: ControllerConfig
  readonly logger: Logger
  readonly clock: Clock
}): Promise<Control> {
  const { home, config, logger, clock } = options
  await mkdir(dirname(home.nodes), { recursive: true, mode: 0o700 })
  const { p2p, signingKey } = config
  const key = signingKey === undefined ? undefined : await loadControllerKey(signingKey)
  const host = await createHost({
    identity: await loadIdentity(home.controllerIdentity),
    listen: p2p.listenAddresses,
    psk: p2p.psk,
    allowedPeers: p2p.allowedPeers,
    agent: `p2p-playground-controller/${config.name}`,
    discoveries: new Map(),
    mdns: p2p.enableMdns,
    staticPeers: [],
    bootstrapPeers: p2p.bootstrapPeers,
    trustedKeys: [],
    roleKeys: key === undefined ? [] : [key],
    logger,
    clock,
  })
  const fleet = new Fleet({
    host,
    home,
    clock,
    logger,
    mdns: p2p.enableMdns,
    bootstrapPeers: p2p.bootstrapPeers,
    hasKey: key !== undefined,
  })
  await host.start()
  return new HostControl({ host, clock, fleet })
}
