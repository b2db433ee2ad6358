import { createHash } from 'node:crypto'
import { ROLES } from '@p2p-playground/core'
import type { Role } from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import type { KeyToTrust } from './setup.js'

/** What another machine needs to join. */
export interface Invitation {
  /** Each 64 hex characters; none for a network without one, two while rotating. */
  readonly psks: readonly string[]
  readonly keys: readonly KeyToTrust[]
  /** As `security.revoked_keys` has them. */
  readonly revokedKeys: readonly string[]
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

/** Whatever limits a key must be there: a part that is missing would make the key mighty. */
function checkShape(value: unknown): Invitation {
  if (typeof value === 'object' && value !== null) {
    const { psks, keys, revokedKeys, addresses } = value as Record<string, unknown>
    if (
      isListOf(psks, isText) &&
      isListOf(keys, isKey) &&
      isListOf(revokedKeys, isText) &&
      isListOf(addresses, isText)
    ) {
      return { psks, keys, revokedKeys, addresses }
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
  const { name, type, publicKey, roles, apps, notAfterMs } = value as Record<string, unknown>
  return (
    isText(name) &&
    isText(publicKey) &&
    (type === 'ed25519' || type === 'rsa') &&
    isListOf(roles, isRole) &&
    isListOf(apps, isText) &&
    (notAfterMs === null || typeof notAfterMs === 'number')
  )
}

function isRole(value: unknown): value is Role {
  return ROLES.some((role) => role === value)
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
