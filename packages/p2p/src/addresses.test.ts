import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { isOwnAddress } from './addresses.js'

const PEER = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])

describe('isOwnAddress', () => {
  it.each([
    ['/ip4/127.0.0.1/tcp/4001', true],
    [`/ip4/127.8.8.8/tcp/4001/p2p/${PEER}`, true],
    ['/ip6/::1/udp/4001/quic-v1', true],
    ['/ip6/::ffff:127.0.0.1/tcp/4001', true],
    ['/ip4/192.0.2.7/tcp/4001', false],
    ['/ip6/2001:db8::7/tcp/4001', false],
    ['/dns4/localhost/tcp/4001', false],
    [`/ip4/127.0.0.1/tcp/4001/p2p/${PEER}/p2p-circuit/p2p/${PEER}`, false],
    ['/memory/here', false],
  ])('%s is %s', (address, expected) => {
    expect(isOwnAddress(address)).toBe(expected)
  })

  it('holds for every address of this machine', () => {
    expect(own.length).toBeGreaterThan(0)
    for (const { address, family } of own) {
      const version = family === 'IPv4' ? 4 : 6
      expect(isOwnAddress(`/ip${String(version)}/${address}/tcp/1`), address).toBe(true)
    }
  })
})
