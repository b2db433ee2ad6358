import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { buildPieceList, checkPieceList, pieceListDigest } from './pieces.js'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'p2pp-pieces-'))
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

it('a piece list covers the file without gap', async () => {
  const path = join(root, 'data')
  writeFileSync(path, randomBytes(9_000_000))
  const list = await buildPieceList(path)
  expect(list.sizeBytes).toBe(9_000_000)
  expect(list.pieces.length).toBeGreaterThan(2)
  expect(() => {
    checkPieceList(list)
  }).not.toThrow()
})

const piece = { sizeBytes: 10, digest: new Uint8Array(32) }
const listOf = (
  pieces: { sizeBytes: number; digest: Uint8Array }[],
  sizeBytes: number,
): Parameters<typeof checkPieceList>[0] => ({
  digest: pieceListDigest(pieces),
  sizeBytes,
  pieces,
})
it.each([
  ['no pieces', listOf([], 0), 'TRANSFER_OFFER'],
  ['a sum that is wrong', listOf([piece], 11), 'TRANSFER_OFFER'],
  ['an empty piece', listOf([{ ...piece, sizeBytes: 0 }], 0), 'TRANSFER_OFFER'],
  [
    'a piece of 5 MiB',
    listOf([{ ...piece, sizeBytes: 5 * 1024 * 1024 }], 5 * 1024 * 1024),
    'TRANSFER_OFFER',
  ],
  ['a short digest', listOf([{ ...piece, digest: new Uint8Array(31) }], 10), 'TRANSFER_OFFER'],
  ['another digest', { ...listOf([piece], 10), digest: new Uint8Array(32) }, 'TRANSFER_OFFER'],
])('a piece list from the network is refused with %s', (_name, list, code) => {
  expect(() => {
    checkPieceList(list)
  }).toThrow(expect.objectContaining({ code }))
})

it('a piece list over the cap is refused with BUNDLE_TOO_LARGE', () => {
  expect(() => {
    checkPieceList(listOf([piece], 10), 9)
  }).toThrow(expect.objectContaining({ code: 'BUNDLE_TOO_LARGE' }))
})
