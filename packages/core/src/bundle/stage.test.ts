import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { RawEntry } from './raw-tar.test.support.js'
import { pax, rawTar } from './raw-tar.test.support.js'
import { MANIFEST, PROGRAM, TRUSTED, scratch, signedPackage } from './signed.test.support.js'
import { unpackBundle } from './verify.js'

let place: ReturnType<typeof scratch>
let stageRoot: string

beforeEach(() => {
  place = scratch()
  stageRoot = join(place.dir, 'stage')
  mkdirSync(stageRoot)
})

afterEach(() => {
  place.remove()
})

async function unpack(entries: readonly RawEntry[]): Promise<string> {
  const path = place.file('app.p2p', await signedPackage(gzipSync(rawTar([...entries]))))
  const { stageDir } = await unpackBundle({ path, trusted: [TRUSTED], nowMs: 0, stageRoot })
  return stageDir
}

type NamedEntry = RawEntry & { readonly name: string; readonly body: Buffer }

/** As many files as `count`, each with a content of its own, in a few directories. */
function files(count: number, sizeOf: (index: number) => number): NamedEntry[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `lib/${String(index % 7)}/${String(index)}.js`,
    mode: index % 3 === 0 ? 0o755 : 0o644,
    body: randomBytes(sizeOf(index)),
  }))
}

it('files of all sizes, which are written side by side, are whole and have their modes', async () => {
  const sizes = [0, 1, 511, 512, 70_000, 256 * 1024, 256 * 1024 + 1, 700_000]
  const entries = files(200, (index) => sizes[index % sizes.length] ?? 0)
  const dir = await unpack([MANIFEST, PROGRAM, ...entries])
  for (const { name, mode, body } of entries) {
    const path = join(dir, name)
    expect(readFileSync(path).equals(body), name).toBe(true)
    expect(statSync(path).mode & 0o7777, name).toBe(mode)
  }
})

it.each([
  ['the last one', 0],
  ['with others behind it', 50],
])('a file that cannot be written, %s, refuses all; nothing is left', async (_where, behind) => {
  // Sound in itself, and too long below any directory.
  const parents = Array.from({ length: 15 }, () => 'd'.repeat(255)).join('/')
  const tooLong = [pax({ path: `${parents}/${'f'.repeat(255)}` }), { body: Buffer.from('x') }]
  const small = files(20 + behind, () => 1000)
  await expect(
    unpack([MANIFEST, PROGRAM, ...small.slice(0, 20), ...tooLong, ...small.slice(20)]),
  ).rejects.toMatchObject({
    code: 'STATE_DISK',
    message: expect.stringContaining('ENAMETOOLONG') as string,
  })
  expect(readdirSync(stageRoot)).toEqual([])
})
