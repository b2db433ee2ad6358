import { expect, test } from 'vitest'
import { addressProblem } from './address.js'

test.each([
  '/ip4/0.0.0.0/tcp/0',
  '/ip4/127.0.0.1/tcp/65535',
  '/ip6/::/udp/4001/quic-v1',
  '/ip6/fe80::1%eth0/tcp/4001',
  '/dns4/first.example.org/tcp/4001/p2p/12D3KooW',
  '/dnsaddr/example.org/p2p/12D3KooW',
])('%s is an address', (address) => {
  expect(addressProblem(address)).toBeUndefined()
})

test.each([
  { address: 'foo', says: 'a multiaddr like /ip4/0.0.0.0/tcp/4001' },
  { address: '', says: 'a multiaddr like' },
  { address: '/', says: 'a multiaddr like' },
  { address: '/bar/x', says: 'not with /bar' },
  { address: '/constructor/x', says: 'not with /constructor' },
  { address: '/ip4/300.0.0.1/tcp/1', says: '"300.0.0.1"' },
  { address: '/ip6/127.0.0.1/tcp/1', says: '"127.0.0.1"' },
  { address: '/ip4/0.0.0.0/tcp/65536', says: '"65536" is no port' },
  { address: '/ip4/0.0.0.0/udp/-1/quic-v1', says: '"-1" is no port' },
  { address: '/ip4/0.0.0.0/tcp', says: '"" is no port' },
])('"$address" is none', ({ address, says }) => {
  expect(addressProblem(address)).toContain(says)
})
