import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ErrorCode } from '../errors.js'
import { expectRefusal } from './hostile.test.support.js'
import { rawEntry, rawTar } from './raw-tar.test.support.js'
import {
  MANIFEST,
  PROGRAM,
  TRUSTED,
  archiveWith,
  scratch,
  signedPackage,
} from './signed.test.support.js'
import { unpackBundle } from './verify.js'

let place: ReturnType<typeof scratch>

beforeEach(() => {
  place = scratch()
})

afterEach(() => {
  place.remove()
})

/** Outer files: nothing of them is written, and nothing inside is looked at. */
const OUTERS: [string, ErrorCode, (sound: Buffer) => Buffer][] = [
  ['nothing', 'BUNDLE_TRUNCATED', () => Buffer.alloc(0)],
  ['text', 'BUNDLE_OUTER', () => Buffer.alloc(2048, 'no tar ')],
  ['no entries', 'BUNDLE_OUTER', () => Buffer.alloc(1024)],
  [
    'the signature alone',
    'BUNDLE_OUTER',
    () => rawTar([{ name: 'app.tar.gz.sig', body: Buffer.alloc(64) }]),
  ],
  [
    'the archive alone',
    'SIGNATURE_MISSING',
    () => rawTar([{ name: 'app.tar.gz', body: archiveWith() }]),
  ],
  [
    'a third entry',
    'BUNDLE_OUTER',
    (sound) => Buffer.concat([sound.subarray(0, -1024), rawTar([{ name: 'third' }])]),
  ],
  [
    'the archive twice',
    'BUNDLE_OUTER',
    (sound) =>
      Buffer.concat([
        sound.subarray(0, -1024),
        rawTar([{ name: 'app.tar.gz', body: archiveWith() }]),
      ]),
  ],
  [
    'the signature twice',
    'BUNDLE_OUTER',
    (sound) =>
      Buffer.concat([
        sound.subarray(0, -1024),
        rawTar([{ name: 'app.tar.gz.sig', body: Buffer.alloc(64) }]),
      ]),
  ],
  [
    'a name with a directory',
    'BUNDLE_OUTER',
    () => rawTar([{ name: './app.tar.gz', body: archiveWith() }]),
  ],
  [
    'an entry that is a symlink',
    'BUNDLE_OUTER',
    () => rawTar([{ name: 'app.tar.gz', type: '2', link: '/etc/passwd' }]),
  ],
  [
    'a signature of 1 KiB',
    'BUNDLE_OUTER',
    () =>
      rawTar([
        { name: 'app.tar.gz.sig', body: Buffer.alloc(1024) },
        { name: 'app.tar.gz', body: archiveWith() },
      ]),
  ],
  [
    'a signature of zeros',
    'SIGNATURE_INVALID',
    () =>
      rawTar([
        { name: 'app.tar.gz.sig', body: Buffer.alloc(64) },
        { name: 'app.tar.gz', body: archiveWith() },
      ]),
  ],
  ['bytes behind the end', 'BUNDLE_OUTER', (sound) => Buffer.concat([sound, Buffer.alloc(512, 1)])],
  [
    'a hidden entry behind the end',
    'BUNDLE_OUTER',
    (sound) => Buffer.concat([sound, rawEntry({ name: 'hidden' })]),
  ],
]

describe('an outer file is refused', () => {
  it.each(OUTERS)('with %s: %s', async (_name, code, make) => {
    await expectRefusal(make(await signedPackage(archiveWith())), code)
  })
})

describe('a sound package of other tools is taken', () => {
  it('with the archive first, "./" before names and a root entry', async () => {
    const archive = gzipSync(
      rawTar([
        { name: './', type: '5', mode: 0o755 },
        { ...MANIFEST, name: './manifest.yaml' },
        PROGRAM,
      ]),
    )
    const signed = await signedPackage(archive)
    const signature = signed.subarray(0, 1024)
    const path = place.file(
      'sound.p2p',
      Buffer.concat([signed.subarray(1024, -1024), signature, Buffer.alloc(1024)]),
    )
    const stageRoot = join(place.dir, 'stage')
    const unpacked = await unpackBundle({ path, trusted: [TRUSTED], nowMs: 0, stageRoot })
    expect(readdirSync(unpacked.stageDir).sort()).toEqual(['bin', 'manifest.yaml'])
  })

  it('with symlinks that stay inside', async () => {
    const links = [
      { name: 'a', type: '2', link: 'bin/run' },
      { name: 'bin/b', type: '2', link: '../a' },
      { name: 'c', type: '2', link: 'missing' },
    ]
    const path = place.file('sound.p2p', await signedPackage(archiveWith(...links)))
    const unpacked = await unpackBundle({
      path,
      trusted: [TRUSTED],
      nowMs: 0,
      stageRoot: join(place.dir, 'stage'),
    })
    expect(readdirSync(unpacked.stageDir).sort()).toEqual(['a', 'bin', 'c', 'manifest.yaml'])
  })
})
