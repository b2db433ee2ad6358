import type { KeyObject } from 'node:crypto'
import type { Role } from '../model/role.js'

/** Names a package: what is signed is `digest`. */
export interface BundleId {
  readonly app: string
  readonly version: string
  /** SHA-256 of app.tar.gz, hex. */
  readonly digest: string
}

export type KeyType = 'ed25519' | 'rsa'

/** A key of `security.trusted_public_keys`, checked when loaded: no low-order point, no short RSA. */
export interface TrustedKey {
  readonly name: string
  readonly type: KeyType
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /** SHA-256 of `spki`, hex: how revocation and messages name the key. */
  readonly fingerprint: string
  readonly roles: readonly Role[]
  /** App names or globs with `*`. */
  readonly apps: readonly string[]
  /** Milliseconds since the epoch; null: no end. */
  readonly notAfterMs: number | null
}

/** A private key: signs packages, and proves roles in the handshake. */
export interface SigningKey {
  readonly type: KeyType
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  /** Signs a short message: Ed25519 (RFC 8032), or RSA-PSS with SHA-256, MGF1-SHA-256, salt 32. */
  sign(message: Uint8Array): Uint8Array
  readonly keyObject: KeyObject
}

/** One piece of a file: pieces follow each other without gap. */
export interface Piece {
  readonly sizeBytes: number
  /** SHA-256, 32 bytes. */
  readonly digest: Uint8Array
}

/** A file as pieces cut at content-defined points. */
export interface PieceList {
  /** SHA-256 over, for each piece, its size (uint32 big endian) and digest: the name of the list. 32 bytes. */
  readonly digest: Uint8Array
  readonly sizeBytes: number
  readonly pieces: readonly Piece[]
}
