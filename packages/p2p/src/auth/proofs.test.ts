import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { keyPair } from '../testing/loopback.js'
import { grantRoles, isMember, membershipProofs, roleProofs } from './proofs.js'
import type { Side, Transcript } from './proofs.js'

const psk = randomBytes(32)
const nextPsk = randomBytes(32)
const now = 1_800_000_000_000

function transcript(): Transcript {
  return {
    dialer: 'dialer',
    listener: 'listener',
    dialerNonce: randomBytes(32),
    listenerNonce: randomBytes(32),
  }
}

describe('membership', () => {
  const base = transcript()
  const proof = membershipProofs([psk], 'dialer', base)
  const cases: [string, readonly Uint8Array[], Side, Transcript, Uint8Array, boolean][] = [
    ['the same PSK', [psk], 'dialer', base, proof, true],
    ['another PSK', [nextPsk], 'dialer', base, proof, false],
    ['no PSK here', [], 'dialer', base, new Uint8Array(0), true],
    ['no proof', [psk], 'dialer', base, new Uint8Array(0), false],
    ['a proof cut short', [psk], 'dialer', base, proof.subarray(1), false],
    ['a proof sent back to its maker', [psk], 'listener', base, proof, false],
    ['another dialer', [psk], 'dialer', { ...base, dialer: 'x' }, proof, false],
    ['another listener', [psk], 'dialer', { ...base, listener: 'x' }, proof, false],
    [
      'a fresh nonce of the listener',
      [psk],
      'dialer',
      { ...base, ...fresh('listenerNonce') },
      proof,
      false,
    ],
    [
      'a fresh nonce of the dialer',
      [psk],
      'dialer',
      { ...base, ...fresh('dialerNonce') },
      proof,
      false,
    ],
    [
      'old and new against old',
      [psk],
      'dialer',
      base,
      membershipProofs([nextPsk, psk], 'dialer', base),
      true,
    ],
    [
      'new against old and new',
      [psk, nextPsk],
      'dialer',
      base,
      membershipProofs([nextPsk], 'dialer', base),
      true,
    ],
    [
      'more proofs than a rotation has',
      [psk],
      'dialer',
      base,
      membershipProofs([psk, psk, psk], 'dialer', base),
      false,
    ],
  ]
  it.each(cases)('%s', (_, psks, side, seen, given, expected) => {
    expect(isMember(psks, side, seen, given)).toBe(expected)
  })
})

function fresh(nonce: 'dialerNonce' | 'listenerNonce'): Partial<Transcript> {
  return { [nonce]: randomBytes(32) }
}

describe.each(['ed25519', 'rsa'] as const)('roles by a key of type %s', (type) => {
  const key = keyPair(type, { name: 'lead', apps: ['demo'], notAfterMs: now })
  const base = transcript()
  const proofs = roleProofs([key.signing], 'dialer', base)
  const trust = { keys: [key.trusted], revoked: new Set<string>(), nowMs: now }
  const [first] = proofs
  const broken = proofs.map((proof) => ({ ...proof, signature: flip(proof.signature) }))
  const other = keyPair(type)

  it('are those of the trusted key', () => {
    expect(grantRoles(proofs, 'dialer', base, trust)).toEqual([
      { key: 'lead', roles: ['operate', 'observe'], apps: ['demo'], notAfterMs: now },
    ])
  })

  it.each([
    ['a bad signature', broken, base, trust],
    ['a signature over other nonces', proofs, transcript(), trust],
    ['a proof of the other side', roleProofs([key.signing], 'listener', base), base, trust],
    ['a key that is not trusted', roleProofs([other.signing], 'dialer', base), base, trust],
    [
      'another key’s signature',
      [{ publicKey: key.trusted.spki, signature: first?.signature ?? new Uint8Array() }],
      transcript(),
      trust,
    ],
    ['an expired key', proofs, base, { ...trust, nowMs: now + 1 }],
    ['a revoked key', proofs, base, { ...trust, revoked: new Set([key.trusted.fingerprint]) }],
    ['no proof', [], base, trust],
  ])('are none for %s', (_, given, seen, rules) => {
    expect(grantRoles(given, 'dialer', seen, rules)).toEqual([])
  })
})

function flip(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes, (byte, index) => (index === 0 ? byte ^ 1 : byte))
}
