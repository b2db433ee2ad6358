import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { verifyMessage } from '@p2p-playground/core/bundle'
import type { SigningKey, TrustedKey } from '@p2p-playground/core/bundle'
import { hasEnded } from '@p2p-playground/core'
import type { Grant } from '@p2p-playground/core'

export const NONCE_BYTES = 32

/** Everything both sides of one handshake know; the PeerIDs are the ones that TLS proved. */
export interface Transcript {
  readonly dialer: string
  readonly listener: string
  readonly dialerNonce: Uint8Array
  readonly listenerNonce: Uint8Array
}

export type Side = 'dialer' | 'listener'

/** A role proof as it goes over the wire. */
export interface RoleProof {
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

/**
 * What one side proves: SHA-256 over a label with the side's name, both PeerIDs and both nonces. The label keeps a proof
 * from being sent back to the one who made it; the nonces keep it from being used again.
 */
function transcriptDigest(
  purpose: 'membership' | 'role',
  side: Side,
  transcript: Transcript,
): Uint8Array {
  const hash = createHash('sha256').update(`p2p-playground/auth/1.0.0 ${purpose} ${side}\n`)
  hash.update(`${transcript.dialer}\n${transcript.listener}\n`)
  return hash.update(transcript.dialerNonce).update(transcript.listenerNonce).digest()
}

/** HMAC-SHA-256 under a key of its own derived from the PSK (HKDF, RFC 5869). */
export function membershipProof(psk: Uint8Array, side: Side, transcript: Transcript): Uint8Array {
  const key = new Uint8Array(hkdfSync('sha256', psk, '', 'p2p-playground membership v1', 32))
  return createHmac('sha256', key)
    .update(transcriptDigest('membership', side, transcript))
    .digest()
}

/** A proof by each PSK, one after the other: while rotating, either side may know only one of the two. */
export function membershipProofs(
  psks: readonly Uint8Array[],
  side: Side,
  transcript: Transcript,
): Uint8Array {
  return Buffer.concat(psks.map((psk) => membershipProof(psk, side, transcript)))
}

/** True when one of the proofs is by one of the PSKs; always true where there is none. */
export function isMember(
  psks: readonly Uint8Array[],
  side: Side,
  transcript: Transcript,
  proofs: Uint8Array,
): boolean {
  if (psks.length === 0) return true
  const given = sliceProofs(proofs)
  return psks.some((psk) => {
    const expected = membershipProof(psk, side, transcript)
    return given.some((proof) => timingSafeEqual(proof, expected))
  })
}

function sliceProofs(proofs: Uint8Array): Uint8Array[] {
  const count = proofs.length / PROOF_BYTES
  if (!Number.isInteger(count) || count > MAX_PSKS) return []
  return Array.from({ length: count }, (_, index) =>
    proofs.subarray(index * PROOF_BYTES, (index + 1) * PROOF_BYTES),
  )
}

const PROOF_BYTES = 32
const MAX_PSKS = 2

/** One proof for each key that may be asked for. */
export function roleProofs(
  keys: readonly SigningKey[],
  side: Side,
  transcript: Transcript,
): RoleProof[] {
  const digest = transcriptDigest('role', side, transcript)
  return keys.map((key) => ({ publicKey: key.spki, signature: key.sign(digest) }))
}

/** What the trusted keys give whose signatures are good; keys that are unknown, expired or revoked give nothing. */
export function grantRoles(
  proofs: readonly RoleProof[],
  side: Side,
  transcript: Transcript,
  trust: {
    readonly keys: readonly TrustedKey[]
    readonly revoked: ReadonlySet<string>
    readonly nowMs: number
  },
): Grant[] {
  const digest = transcriptDigest('role', side, transcript)
  return proofs.slice(0, MAX_PROOFS).flatMap((proof) => {
    const key = trust.keys.find((one) => Buffer.from(one.spki).equals(proof.publicKey))
    if (key === undefined || trust.revoked.has(key.fingerprint)) return []
    if (hasEnded(key, trust.nowMs)) return []
    const { name, roles, apps, notAfterMs } = key
    return verifyMessage(key, digest, proof.signature)
      ? [{ key: name, roles, apps, notAfterMs }]
      : []
  })
}

/** A peer that sends more is wasting our time. */
const MAX_PROOFS = 8
