import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { ComponentLogger } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Discovery } from '@p2p-playground/core'
import { discoveryContract } from '@p2p-playground/testkit/contracts'
import { expect, test } from 'vitest'
import { mdnsDiscovery } from '../../packages/p2p/src/discovery/mdns.js'
import { makeNetwork, whyNoNetwork } from '../harness/network.js'

/** Set inside of the network that this test makes for itself: the address there. */
const ADDRESS = 'MDNS_TEST_ADDRESS'
const PEERS = [
  '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5',
  '12D3KooWLbLsVCdK3WAYdAfKPpgKPQXfMEEwqgHmbQZDRBmvjKRc',
] as const

const address = process.env[ADDRESS]
if (address === undefined) outside()
else inside(address)

/** Multicast must reach nobody else: vitest runs this file again in a namespace. */
function outside(): void {
  const why = whyNoNetwork()
  if (why !== undefined) process.stderr.write(`discovery by mDNS: left out, ${why}\n`)

  test.runIf(why === undefined)('mDNS keeps the discovery contract', () => {
    const network = makeNetwork(1)
    try {
      const root = join(import.meta.dirname, '../..')
      const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run']
      const args = ['netns', 'exec', network.hosts[0] ?? '', ...vitest, 'test/system/mdns.test.ts']
      const env = { ...process.env, [ADDRESS]: network.address(0) }
      const { status, stdout, stderr } = spawnSync('ip', args, { cwd: root, env, encoding: 'utf8' })
      expect(status, stdout + stderr).toBe(0)
    } finally {
      network.remove()
    }
  })
}

function inside(host: string): void {
  const discoveryOf = (peerId: string): Discovery =>
    mdnsDiscovery({
      addresses: () => [multiaddr(`/ip4/${host}/tcp/4001/p2p/${peerId}`)],
      logger: SILENT,
    })
  let stop: AbortController
  let announcing: Promise<void>

  discoveryContract('mDNS', {
    setup: () => {
      stop = new AbortController()
      announcing = drain(discoveryOf(PEERS[1]), stop.signal)
    },
    teardown: async () => {
      stop.abort()
      await announcing
    },
    create: () => discoveryOf(PEERS[0]),
    expected: [PEERS[1]],
  })
}

async function drain(discovery: Discovery, signal: AbortSignal): Promise<void> {
  for await (const candidate of discovery.watch(signal)) expect(candidate.source).toBe('mdns')
}

const log = Object.assign((): undefined => undefined, {
  error: (): undefined => undefined,
  trace: (): undefined => undefined,
  enabled: false,
})

const SILENT = { forComponent: () => log } as unknown as ComponentLogger
