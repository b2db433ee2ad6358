import { networkInterfaces } from 'node:os'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PlaygroundError, errorMessage } from '@p2p-playground/core'

/** The PeerID at the end of a multiaddr. @throws NODE_ADDRESS */
export function peerIdOf(address: string): string {
  parseAddress(address)
  const match = /\/p2p\/([^/]+)$/.exec(address)
  if (match?.[1] === undefined) {
    throw new PlaygroundError('NODE_ADDRESS', `${address} does not end in /p2p/PEERID`, {
      hint: '"p2p-playground daemon status" on that machine prints its addresses.',
    })
  }
  try {
    return peerIdFromString(match[1]).toString()
  } catch (cause) {
    throw new PlaygroundError('NODE_ADDRESS', `${match[1]} is no PeerID`, { cause })
  }
}

/** @throws NODE_ADDRESS */
export function parseAddress(address: string): Multiaddr {
  try {
    return multiaddr(address)
  } catch (cause) {
    throw new PlaygroundError(
      'NODE_ADDRESS',
      `${address} is no multiaddr: ${errorMessage(cause)}`,
      {
        hint: 'Write it as /ip4/192.0.2.7/tcp/4001/p2p/12D3Koo….',
        cause,
      },
    )
  }
}

export function isQuic(address: string): boolean {
  return address.includes('/quic-v1')
}

/** The IP address that a multiaddr leads to by itself: not over a relay, and not by a name. */
export function ipOf(address: string): string | undefined {
  if (address.includes('/p2p-circuit')) return undefined
  return /^\/ip[46]\/(?:::ffff:)?([^/]+)/.exec(address)?.[1]
}

/** Whether that is an address of this machine; a network namespace counts as one. */
export function isOwnIp(ip: string): boolean {
  if (ip === '::1' || ip.startsWith('127.')) return true
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === ip))
}
