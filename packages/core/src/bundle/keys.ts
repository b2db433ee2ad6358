import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  constants,
  sign as cryptoSign,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { Point } from '@noble/ed25519'
import { readError, readSecretFile } from '../config/secret-file.js'
import type { TrustedKeyEntry } from '../config/sections.js'
import { writeFileDurably } from '../durable-file.js'
import { PlaygroundError, systemCode } from '../errors.js'
import { notPrivateOne, notPublicOne } from './mistaken-key.js'
import type { KeyType, SigningKey, TrustedKey } from './types.js'

const MIN_RSA_BITS = 2048
const MAX_RSA_BITS = 4096

/** RSASSA-PSS as SPEC'd for packages: salt as long as the digest (RFC 8017, 9.1). */
export const PSS = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: 32,
} as const

/** A new key pair. */
export function generateSigningKey(type: KeyType): {
  readonly privatePem: string
  readonly publicPem: string
} {
  const pair =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('rsa', { modulusLength: 3072 })
  return {
    privatePem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

/** Writes `signing.key` (0600) and `signing.pub` into `dir`. @throws CONFIG_EXISTS rather than replace a key */
export async function writeSigningKey(
  dir: string,
  pair: { readonly privatePem: string; readonly publicPem: string },
): Promise<{ readonly keyPath: string; readonly pubPath: string }> {
  const keyPath = join(dir, 'signing.key')
  const pubPath = join(dir, 'signing.pub')
  for (const path of [keyPath, pubPath]) if (existsSync(path)) throw isThere(path)
  await writeNew(keyPath, pair.privatePem, 0o600)
  await writeNew(pubPath, pair.publicPem, 0o644)
  return { keyPath, pubPath }
}

async function writeNew(path: string, pem: string, mode: number): Promise<void> {
  try {
    await writeFileDurably(path, pem, { mode, exclusive: true })
  } catch (error) {
    throw systemCode(error) === 'EEXIST' && existsSync(path) ? isThere(path) : error
  }
}

function isThere(path: string): PlaygroundError {
  const keyPath = path.replace(/\.pub$/, '.key')
  const hint = existsSync(keyPath)
    ? 'Choose another --out, or move the old key away. A lost signing key cannot be made again.'
    : `Its ${keyPath} is gone: bring that back from a backup. Or move ${path} away; nodes must be told to trust the new key.`
  return new PlaygroundError('CONFIG_EXISTS', `${path} is there already`, { hint })
}

/** Reads a PKCS#8 private key. @throws CONFIG_NOT_FOUND, CONFIG_PERMISSIONS, CONFIG_KEY */
export async function loadSigningKey(path: string): Promise<SigningKey> {
  const pem = await readSecretFile(path).catch(async (error: unknown) => {
    // A public key may be read by all: that is not what is wrong with it.
    const text = await readFile(path, 'utf8').catch(() => '')
    throw notPublicOne(text, path) ?? error
  })
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    // What OpenSSL says of it helps nobody.
    const hint = 'Make one with "p2p-playground keygen".'
    throw (
      notPublicOne(pem, path) ??
      new PlaygroundError('CONFIG_KEY', `${path} holds no private key in PEM`, { hint, cause })
    )
  }
  return signingKeyOf(key, path)
}

/** @throws CONFIG_KEY for another algorithm or a short RSA key */
export function signingKeyOf(key: KeyObject, from: string): SigningKey {
  const type = checkKey(key, from)
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return {
    type,
    spki,
    sign: (message) =>
      type === 'ed25519'
        ? cryptoSign(null, message, key)
        : cryptoSign('sha256', message, { key, ...PSS }),
    keyObject: key,
  }
}

/**
 * A public key as 64 hex characters (Ed25519), PEM text, or the absolute path of a PEM file: where a relative one begins is
 * for whoever read it to say (`resolveKeyFile`).
 * @throws CONFIG_KEY with a hint: not hex, 62 characters, a private key, low-order point, short RSA
 */
export function parsePublicKey(text: string): KeyObject {
  const trimmed = text.trim()
  if (trimmed.startsWith('-----BEGIN')) return fromPem(trimmed, 'the public key')
  if (isAbsolute(trimmed) && existsSync(trimmed)) return fromPem(readText(trimmed), trimmed)
  if (!/^[0-9a-fA-F]{64}$/.test(trimmed)) throw notAKey(trimmed)
  const raw = Buffer.from(trimmed, 'hex')
  checkPoint(raw, 'the public key')
  return createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
    format: 'jwk',
  })
}

/** An entry of `security.trusted_public_keys`, checked. @throws CONFIG_KEY */
export function trustedKey(entry: TrustedKeyEntry): TrustedKey {
  const key = parsePublicKey(entry.public_key)
  const type = checkKey(key, `key "${entry.name}"`)
  if (type !== entry.key_type) {
    throw new PlaygroundError(
      'CONFIG_KEY',
      `key "${entry.name}" is ${type}, but key_type says ${entry.key_type}`,
    )
  }
  const spki = key.export({ type: 'spki', format: 'der' })
  return {
    name: entry.name,
    type,
    spki,
    fingerprint: fingerprintOf(spki),
    roles: entry.roles,
    apps: entry.apps,
    notAfterMs: entry.not_after ?? null,
  }
}

/** SHA-256 of a SubjectPublicKeyInfo, hex. */
export function fingerprintOf(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex')
}

/** How a public key is written into trusted_public_keys: hex for Ed25519, PEM for RSA. */
export function publicKeyText(spki: Uint8Array): string {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  if (key.asymmetricKeyType !== 'ed25519')
    return key.export({ type: 'spki', format: 'pem' }).toString()
  return Buffer.from(spki).subarray(-32).toString('hex')
}

/** An entry of `revoked_keys` (fingerprint, hex key, PEM or absolute path of a PEM file) as the fingerprints it may mean. */
export function revokedFingerprints(text: string): string[] {
  const trimmed = text.trim().toLowerCase()
  if (/^[0-9a-f]{64}$/.test(trimmed)) {
    const prefix = Buffer.from('302a300506032b6570032100', 'hex')
    return [trimmed, fingerprintOf(Buffer.concat([prefix, Buffer.from(trimmed, 'hex')]))]
  }
  return [fingerprintOf(parsePublicKey(text).export({ type: 'spki', format: 'der' }))]
}

function checkKey(key: KeyObject, from: string): KeyType {
  if (key.asymmetricKeyType === 'ed25519') {
    const spki = (key.type === 'private' ? createPublicKey(key) : key).export({
      type: 'spki',
      format: 'der',
    })
    checkPoint(spki.subarray(-32), from)
    return 'ed25519'
  }
  if (key.asymmetricKeyType === 'rsa') {
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
    if (bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS) return 'rsa'
    throw new PlaygroundError(
      'CONFIG_KEY',
      `${from}: an RSA key of ${String(bits)} bits is refused`,
      {
        hint: 'RSA keys have 2048 to 4096 bits; or use Ed25519: p2p-playground keygen --type ed25519.',
      },
    )
  }
  throw new PlaygroundError(
    'CONFIG_KEY',
    `${from}: keys of type ${String(key.asymmetricKeyType)} are not known`,
    {
      hint: 'Use Ed25519 or RSA.',
    },
  )
}

/** Refuses what is no point, and the points of small order: with one of those, a signature can fit every message. */
function checkPoint(raw: Uint8Array, from: string): void {
  let small: boolean
  try {
    small = Point.fromBytes(raw, false).isSmallOrder()
  } catch (cause) {
    throw new PlaygroundError('CONFIG_KEY', `${from} is no Ed25519 public key`, { cause })
  }
  if (!small) return
  throw new PlaygroundError('CONFIG_KEY', `${from} is a low-order Ed25519 point`, {
    hint: 'With such a key one signature can fit every message. Make a real one: p2p-playground keygen.',
  })
}

function fromPem(pem: string, from: string): KeyObject {
  const mistaken = notPrivateOne(pem, from)
  if (mistaken !== undefined) throw mistaken
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch (cause) {
    const hint = 'A public key in PEM is wanted; "p2p-playground keygen" writes one.'
    throw new PlaygroundError('CONFIG_KEY', `${from} holds no public key`, { hint, cause })
  }
  checkKey(key, from)
  return key
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw readError(cause, path)
  }
}

function notAKey(text: string): PlaygroundError {
  const isHex = /^[0-9a-fA-F]+$/.test(text)
  const said = isHex ? `${String(text.length)} hex characters` : `"${text.slice(0, 40)}"`
  return new PlaygroundError('CONFIG_KEY', `${said} is no public key and no file`, {
    hint: 'Ed25519 keys are 64 hex characters; "p2p-playground keygen" prints one. RSA keys are PEM.',
  })
}
