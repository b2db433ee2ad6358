export { ArrivingBundle } from './arriving.js'
export type { SignedArchive } from './arriving.js'
export {
  fingerprintOf,
  generateSigningKey,
  loadSigningKey,
  parsePublicKey,
  publicKeyText,
  revokedFingerprints,
  signingKeyOf,
  trustedKey,
  writeSigningKey,
} from './keys.js'
export { packDirectory, signBundle } from './pack.js'
export { MIN_PIECE_BYTES, buildPieceList, checkPieceList, pieceListDigest } from './pieces.js'
export { sourceDateMs } from './source-date.js'
export { verifyMessage } from './signature.js'
export type { TrustContext } from './signature.js'
export { inspectBundle, unpackBundle, verifyBundle } from './verify.js'
export type { BundleId, KeyType, Piece, PieceList, SigningKey, TrustedKey } from './types.js'
