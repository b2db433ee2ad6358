import { createHash } from 'node:crypto'
import { PlaygroundError } from '@p2p-playground/core/errors'
import type { KeyToTrust } from './setup.js'

/** What another machine needs to join. */
export interface Invitation {
  readonly psk: string
  readonly keys: readonly KeyToTrust[]
  /** Multiaddrs of nodes that are there already. */
  readonly addresses: readonly string[]
}

const PREFIX = 'p2pp1.'
const CHECK_BYTES = 4

/** One word: version, then base64url of JSON with a checksum before it. */
export function formatInvitation(invitation: Invitation): string {
  const body = Buffer.from(JSON.stringify(invitation))
  return PREFIX + Buffer.concat([checksum(body), body]).toString('base64url')
}

/** @throws CONFIG_TOKEN */
export function parseInvitation(token: string): Invitation {
  const trimmed = token.trim()
  if (!trimmed.startsWith(PREFIX)) throw damaged('it does not begin with p2pp1.')
  const bytes = Buffer.from(trimmed.slice(PREFIX.length), 'base64url')
  const body = bytes.subarray(CHECK_BYTES)
  if (body.length === 0 || !checksum(body).equals(bytes.subarray(0, CHECK_BYTES)))
    throw damaged('a part of it is missing or changed')
  return checkShape(readJson(body))
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw damaged('it is not what "invite" makes', cause)
  }
}

function checkShape(value: unknown): Invitation {
  if (typeof value === 'object' && value !== null && 'psk' in value && 'keys' in value) {
    const { psk, keys } = value
    const addresses = 'addresses' in value ? value.addresses : []
    if (typeof psk === 'string' && isListOf(keys, isKey) && isListOf(addresses, isText)) {
      return { psk, keys, addresses }
    }
  }
  throw damaged('it is not what "invite" makes')
}

function isListOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is Item[] {
  return Array.isArray(value) && value.every(isItem)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isKey(value: unknown): value is KeyToTrust {
  if (typeof value !== 'object' || value === null) return false
  const { name, type, publicKey } = value as Record<string, unknown>
  return isText(name) && isText(publicKey) && (type === 'ed25519' || type === 'rsa')
}

function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, CHECK_BYTES)
}

function damaged(why: string, cause?: unknown): PlaygroundError {
  return new PlaygroundError('CONFIG_TOKEN', `this is no invitation: ${why}`, {
    hint: 'Copy the whole token that "p2p-playground invite" printed.',
    cause,
  })
}
