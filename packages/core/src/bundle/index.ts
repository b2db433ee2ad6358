export type { BundleId, KeyType, Piece, PieceList, SigningKey, TrustedKey } from './types.js'
