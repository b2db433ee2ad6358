import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerCandidate } from '@p2p-playground/core'
import { parseAddress, peerIdOf } from '../addresses.js'

/** True for what a discovery may name: a PeerID, and addresses that end in it. Plugins are strangers. */
export function isCandidate(value: unknown): value is PeerCandidate {
  if (typeof value !== 'object' || value === null) return false
  const { peerId, addresses, source } = value as Record<string, unknown>
  if (typeof peerId !== 'string' || typeof source !== 'string') return false
  if (!Array.isArray(addresses)) return false
  try {
    peerIdFromString(peerId)
    return addresses.every((address) => isAddressOf(address, peerId))
  } catch {
    // It is no PeerID, or no address.
    return false
  }
}

function isAddressOf(address: unknown, peerId: string): boolean {
  if (typeof address !== 'string') return false
  parseAddress(address)
  return peerIdOf(address) === peerId
}
