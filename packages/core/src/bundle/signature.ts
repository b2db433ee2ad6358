import {
  createHash,
  createPublicKey,
  createSign,
  createVerify,
  verify as cryptoVerify,
  sign as cryptoSign,
} from 'node:crypto'
import type { Hash, KeyObject, Verify } from 'node:crypto'
import { PlaygroundError } from '../errors.js'
import { hasEnded, matchesScope } from '../model/grant.js'
import { PSS, revokedFingerprints } from './keys.js'
import type { SigningKey, TrustedKey } from './types.js'

/**
 * Digests app.tar.gz once for every trusted key. Ed25519 signs the 32-byte SHA-256; RSA-PSS signs the archive itself, with
 * SHA-256. The algorithm is the key's, never the file's.
 */
export class SignatureCheck {
  readonly #hash: Hash = createHash('sha256')
  readonly #rsa: { readonly key: TrustedKey; readonly object: KeyObject; readonly verify: Verify }[]
  readonly #trusted: readonly TrustedKey[]

  constructor(trusted: readonly TrustedKey[]) {
    this.#trusted = trusted
    this.#rsa = trusted
      .filter((key) => key.type === 'rsa')
      .map((key) => ({ key, object: publicKeyOf(key), verify: createVerify('sha256') }))
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    for (const { verify } of this.#rsa) verify.update(chunk)
  }

  /** The digest of the archive and the trusted key that signed it, or undefined when none did. */
  finish(signature: Uint8Array): {
    readonly digest: Buffer
    readonly signedBy: TrustedKey | undefined
  } {
    const digest = this.#hash.digest()
    const ed25519 = this.#trusted.find(
      (key) =>
        key.type === 'ed25519' &&
        signature.length === 64 &&
        cryptoVerify(null, digest, publicKeyOf(key), signature),
    )
    const rsa = this.#rsa.find(({ object, verify }) =>
      verify.verify({ key: object, ...PSS }, signature),
    )
    return { digest, signedBy: ed25519 ?? rsa?.key }
  }
}

/** True when `signature` is `key`'s over a short message: what proves a role in the handshake. */
export function verifyMessage(
  key: TrustedKey,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const object = publicKeyOf(key)
  return key.type === 'ed25519'
    ? cryptoVerify(null, message, object, signature)
    : cryptoVerify('sha256', message, { key: object, ...PSS }, signature)
}

/** Signs an archive: see `SignatureCheck` for what is signed. */
export async function signArchive(
  key: SigningKey,
  archive: AsyncIterable<Uint8Array>,
): Promise<{ readonly signature: Buffer; readonly digest: Buffer }> {
  const hash = createHash('sha256')
  const signer = createSign('sha256')
  for await (const chunk of archive) {
    hash.update(chunk)
    if (key.type === 'rsa') signer.update(chunk)
  }
  const digest = hash.digest()
  const signature =
    key.type === 'rsa'
      ? signer.sign({ key: key.keyObject, ...PSS })
      : cryptoSign(null, digest, key.keyObject)
  return { signature, digest }
}

export interface TrustContext {
  readonly trusted: readonly TrustedKey[]
  /** Fingerprints, hex keys or PEM texts. */
  readonly revoked?: readonly string[] | undefined
  readonly nowMs: number
}

/** @throws SIGNATURE_UNTRUSTED, SIGNATURE_INVALID, SIGNATURE_REVOKED, SIGNATURE_EXPIRED */
export function requireSigner(signedBy: TrustedKey | undefined, context: TrustContext): TrustedKey {
  if (context.trusted.length === 0) {
    throw new PlaygroundError('SIGNATURE_UNTRUSTED', 'no key is trusted here, so no package is', {
      hint: "Add the publisher's key to security.trusted_public_keys in daemon.yaml.",
    })
  }
  if (signedBy === undefined) {
    const names = context.trusted.map((key) => key.name).join(', ')
    throw new PlaygroundError(
      'SIGNATURE_INVALID',
      `the signature is of none of the trusted keys (${names})`,
      {
        hint: 'The package was changed after signing, or signed with another key.',
      },
    )
  }
  const revoked = (context.revoked ?? []).flatMap(revokedFingerprints)
  if (revoked.includes(signedBy.fingerprint)) {
    throw new PlaygroundError('SIGNATURE_REVOKED', `the key "${signedBy.name}" is revoked`)
  }
  if (signedBy.notAfterMs !== null && hasEnded(signedBy, context.nowMs)) {
    const end = new Date(signedBy.notAfterMs).toISOString()
    throw new PlaygroundError(
      'SIGNATURE_EXPIRED',
      `the key "${signedBy.name}" was valid until ${end}`,
    )
  }
  return signedBy
}

/** @throws SIGNATURE_SCOPE when the key may not publish this app */
export function requireScope(key: TrustedKey, app: string): void {
  if (!key.roles.includes('publish')) {
    throw new PlaygroundError('SIGNATURE_SCOPE', `the key "${key.name}" has no role "publish"`)
  }
  if (!key.apps.some((pattern) => matchesScope(pattern, app))) {
    throw new PlaygroundError('SIGNATURE_SCOPE', `the key "${key.name}" may not publish "${app}"`, {
      hint: `It may publish: ${key.apps.join(', ')}.`,
    })
  }
}

function publicKeyOf(key: TrustedKey): KeyObject {
  return createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
}
