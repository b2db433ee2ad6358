import { PlaygroundError } from '@p2p-playground/core'
import type { Discovery } from '@p2p-playground/core'
import { InMemoryDiscovery } from '@p2p-playground/testkit'
import { afterEach, expect, it } from 'vitest'
import { Loopback } from '../testing/loopback.js'

const loopback = new Loopback()

afterEach(async () => {
  await loopback.close()
})

it('dials what a plugin has found, whatever other plugins do and are called', async () => {
  const far = await loopback.host()
  const found = { peerId: far.peerId, addresses: far.addresses(), source: 'scout' }
  const failing: Discovery = {
    watch: () => {
      throw new PlaygroundError('PLUGIN_FAILED', 'lost')
    },
  }
  const hanging: Discovery = {
    async *watch() {
      await new Promise(() => undefined)
      yield found
    },
  }
  const failures: string[] = []
  const host = await loopback.host({
    discoveries: new Map<string, Discovery>([
      ['failing', failing],
      ['hanging', hanging],
      ['static', new InMemoryDiscovery([found])],
    ]),
    onDiscoveryFailure: (name) => failures.push(name),
  })
  const { promise, resolve } = Promise.withResolvers<string>()
  host.onPeer(({ peerId }) => {
    resolve(peerId)
  })
  const known = host.peers().find(({ peerId }) => peerId === far.peerId)
  expect(known?.peerId ?? (await promise)).toBe(far.peerId)
  await host.dial(far.peerId, AbortSignal.timeout(5000))
  expect(failures).toEqual(['failing'])
  // A hanging one does not keep it from stopping.
  await host.stop()
})
