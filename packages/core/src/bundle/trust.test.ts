import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fingerprintOf, generateSigningKey, publicKeyText, trustedKey } from './keys.js'
import { TRUSTED, archiveWith, scratch, signedPackage } from './signed.test.support.js'
import type { TrustContext } from './signature.js'
import type { TrustedKey } from './types.js'
import { verifyBundle } from './verify.js'

let place: ReturnType<typeof scratch>
let path: string

beforeEach(async () => {
  place = scratch()
  path = place.file('app.p2p', await signedPackage(archiveWith()))
})

afterEach(() => {
  place.remove()
})

const other = trustedKey({
  name: 'other',
  key_type: 'ed25519',
  public_key: generateSigningKey('ed25519').publicPem,
  roles: ['publish'],
  apps: ['*'],
})
const changed = (patch: Partial<TrustedKey>): TrustedKey[] => [{ ...TRUSTED, ...patch }]

describe('trust', () => {
  it.each<[string, Partial<TrustContext>]>([
    ['the signing key', {}],
    ['the signing key among others', { trusted: [other, TRUSTED] }],
    ['a key whose apps match', { trusted: changed({ apps: ['db', 'ap*'] }) }],
    ['a key that ends later', { trusted: changed({ notAfterMs: 1001 }) }],
    ['another key revoked', { revoked: [other.fingerprint] }],
  ])('takes a package under %s', async (_name, patch) => {
    const verified = await verifyBundle({ path, trusted: [TRUSTED], nowMs: 1000, ...patch })
    expect(verified.signedBy.name).toBe('tester')
  })

  it.each<[string, string, Partial<TrustContext>]>([
    ['no key', 'SIGNATURE_UNTRUSTED', { trusted: [] }],
    ['only another key', 'SIGNATURE_INVALID', { trusted: [other] }],
    ['a key that has ended', 'SIGNATURE_EXPIRED', { trusted: changed({ notAfterMs: 999 }) }],
    ['a key revoked by fingerprint', 'SIGNATURE_REVOKED', { revoked: [TRUSTED.fingerprint] }],
    ['a key revoked by its hex', 'SIGNATURE_REVOKED', { revoked: [publicKeyText(TRUSTED.spki)] }],
    ['a key for other apps', 'SIGNATURE_SCOPE', { trusted: changed({ apps: ['db', 'ap'] }) }],
    [
      'a key that may not publish',
      'SIGNATURE_SCOPE',
      { trusted: changed({ roles: ['operate', 'observe'] }) },
    ],
  ])('refuses a package under %s: %s', async (_name, code, patch) => {
    const verifying = verifyBundle({ path, trusted: [TRUSTED], nowMs: 1000, ...patch })
    await expect(verifying).rejects.toMatchObject({ code, row: { exit: 6 } })
  })

  it('says which file is not there with BUNDLE_NOT_FOUND', async () => {
    const verifying = verifyBundle({ path: `${path}.missing`, trusted: [TRUSTED], nowMs: 0 })
    await expect(verifying).rejects.toMatchObject({ code: 'BUNDLE_NOT_FOUND' })
  })
})

describe('keys', () => {
  const low = [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '0000000000000000000000000000000000000000000000000000000000000000',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  ]
  const noncanonical = [
    '0100000000000000000000000000000000000000000000000000000000000080',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  ]
  it.each([...low, ...noncanonical])('refuse the point %s', (text) => {
    const entry = { name: 'k', key_type: 'ed25519', public_key: text, roles: [], apps: [] } as const
    expect(() => trustedKey({ ...entry, roles: [], apps: [] })).toThrow(
      expect.objectContaining({ code: 'CONFIG_KEY' }),
    )
  })

  it.each([
    ['62 hex characters', 'ab'.repeat(31), /62 hex characters/],
    ['66 hex characters', 'ab'.repeat(33), /66 hex characters/],
    ['words', 'your-public-key-here', /no public key and no file/],
    [
      'a PEM of nothing',
      '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----',
      /holds no public key$/,
    ],
    [
      'a private key',
      generateSigningKey('ed25519').privatePem,
      /^the public key holds a private key$/,
    ],
  ])('refuse %s with a hint or a reason', (_name, text, message) => {
    const entry = { name: 'k', key_type: 'ed25519' as const, public_key: text, roles: [], apps: [] }
    expect(() => trustedKey(entry)).toThrow(message)
  })

  it('refuse a short RSA key', () => {
    const pem = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC9RTQ1iKc6SJ5hAAtKJlCF6RpK
0yLXBSyCJ9cMUfQcA6dPcQvb5hjGlRFZc3Ogh5pUfJYyZgPH5VY7JtUm2bNLPHrN
hNdYBf0u0o2tb8m3pU7nO2fT2pqXT7h8Ru7b3n1Yw5bqWmXk9v2q5P3qYQYV1Wq6
z4o3yq1nUoTn5uCyfwIDAQAB
-----END PUBLIC KEY-----`
    const entry = { name: 'k', key_type: 'rsa' as const, public_key: pem, roles: [], apps: [] }
    expect(() => trustedKey(entry)).toThrow(/RSA key of 1024 bits/)
  })

  it('refuse a type that is not the key’s', () => {
    const entry = {
      name: 'k',
      key_type: 'rsa' as const,
      public_key: publicKeyText(TRUSTED.spki),
      roles: [],
      apps: [],
    }
    expect(() => trustedKey(entry)).toThrow(/is ed25519, but key_type says rsa/)
  })

  it('have the fingerprint of their SubjectPublicKeyInfo', () => {
    expect(fingerprintOf(TRUSTED.spki)).toBe(TRUSTED.fingerprint)
  })
})
