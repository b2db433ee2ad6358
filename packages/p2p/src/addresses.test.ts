import { networkInterfaces } from 'node:os'
import { expect, it } from 'vitest'
import { ipOf, isOwnIp } from './addresses.js'

const PEER = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])

it.each([
  ['/ip4/127.0.0.1/tcp/4001', '127.0.0.1'],
  [`/ip4/192.0.2.7/tcp/4001/p2p/${PEER}`, '192.0.2.7'],
  ['/ip6/::1/udp/4001/quic-v1', '::1'],
  ['/ip6/::ffff:127.0.0.1/tcp/4001', '127.0.0.1'],
  ['/ip6/2001:db8::7/tcp/4001', '2001:db8::7'],
  ['/dns4/localhost/tcp/4001', undefined],
  [`/ip4/127.0.0.1/tcp/4001/p2p/${PEER}/p2p-circuit/p2p/${PEER}`, undefined],
  ['/memory/here', undefined],
])('%s leads to %s', (address, ip) => {
  expect(ipOf(address)).toBe(ip)
})

it.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['::1', true],
  ['192.0.2.7', false],
  ['2001:db8::7', false],
])('%s is an address of this machine: %s', (ip, expected) => {
  expect(isOwnIp(ip)).toBe(expected)
})

it('every address of this machine is its own', () => {
  expect(own.length).toBeGreaterThan(0)
  for (const { address } of own) expect(isOwnIp(address), address).toBe(true)
})
