import type { Discovery, PeerCandidate } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'

export interface DiscoverySetup {
  /** A discovery that can find the `expected` peers. */
  readonly create: () => Promise<Discovery> | Discovery
  /** PeerIDs that it must find. */
  readonly expected: readonly string[]
}

/** The promises of the Discovery seam. */
export function discoveryContract(name: string, setup: DiscoverySetup): void {
  describe(`${name} keeps the discovery contract`, () => {
    it('finds the peers, each with addresses that name it', async () => {
      const stop = new AbortController()
      const found = new Map<string, PeerCandidate>()
      for await (const candidate of (await setup.create()).watch(stop.signal)) {
        found.set(candidate.peerId, candidate)
        if (setup.expected.every((peerId) => found.has(peerId))) stop.abort()
      }
      expect([...found.keys()].sort()).toEqual([...setup.expected].sort())
      for (const { peerId, addresses, source } of found.values()) {
        expect(source).not.toBe('')
        for (const address of addresses) expect(address).toMatch(new RegExp(`^/.*/p2p/${peerId}$`))
      }
    })

    it('ends when it is aborted', async () => {
      const seen: PeerCandidate[] = []
      for await (const candidate of (await setup.create()).watch(AbortSignal.abort()))
        seen.push(candidate)
      expect(seen).toEqual([])
    })

    it('can be watched twice at a time', async () => {
      const discovery = await setup.create()
      const watches = [1, 2].map(async () => {
        const stop = new AbortController()
        const seen = new Set<string>()
        for await (const { peerId } of discovery.watch(stop.signal)) {
          seen.add(peerId)
          if (setup.expected.every((one) => seen.has(one))) stop.abort()
        }
        return seen.size
      })
      expect(await Promise.all(watches)).toEqual([setup.expected.length, setup.expected.length])
    })
  })
}
