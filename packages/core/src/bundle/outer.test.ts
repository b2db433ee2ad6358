import { randomBytes } from 'node:crypto'
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
import { inspectBundle, unpackBundle, verifyBundle } from './verify.js'

const NO_TAR = 'it is no tar archive'

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

describe('a file that was never a package is called that', () => {
  const hint = 'A package is made with "p2p-playground pack DIR".'

  it.each<[string, ErrorCode, string, Buffer]>([
    ['nothing', 'BUNDLE_TRUNCATED', 'it is empty', Buffer.alloc(0)],
    ['one byte', 'BUNDLE_TRUNCATED', NO_TAR, Buffer.from('x')],
    ['a short text', 'BUNDLE_TRUNCATED', NO_TAR, Buffer.from('name: hello\nversion: 1.0.0\n')],
    ['511 bytes of anything', 'BUNDLE_TRUNCATED', NO_TAR, Buffer.alloc(511, 0xa5)],
    ['a block of zeros', 'BUNDLE_TRUNCATED', NO_TAR, Buffer.alloc(512)],
    ['a long text', 'BUNDLE_OUTER', NO_TAR, Buffer.alloc(2048, 'no tar ')],
    [
      'an archive without the tar around it',
      'BUNDLE_OUTER',
      NO_TAR,
      archiveWith({ name: 'data', body: randomBytes(2000) }),
    ],
  ])('%s: %s', async (_what, code, what, bytes) => {
    const path = place.file('other.p2p', bytes)
    const message = `this is no .p2p package: ${what}`
    const refusal = { code, message, hint }
    await expect(inspectBundle(path)).rejects.toMatchObject(refusal)
    const verifying = verifyBundle({ path, trusted: [TRUSTED], nowMs: 0 })
    await expect(verifying).rejects.toMatchObject(refusal)
  })

  it.each([
    ['a directory', '.', /^.* is a directory, not a package$/],
    ['no file at all', 'none.p2p', /^there is no package .*none\.p2p$/],
  ])('%s: BUNDLE_NOT_FOUND', async (_what, name, message) => {
    const refused = inspectBundle(join(place.dir, name))
    await expect(refused).rejects.toMatchObject({
      code: 'BUNDLE_NOT_FOUND',
      message: expect.stringMatching(message) as string,
      hint,
    })
  })

  it.each([1, 4, 99, 300, 511, 512, 700])(
    'unlike one that was cut after %d bytes, which ends too early',
    async (length) => {
      const sound = await signedPackage(archiveWith())
      const path = place.file('cut.p2p', sound.subarray(0, length))
      await expect(inspectBundle(path)).rejects.toMatchObject({
        code: 'BUNDLE_TRUNCATED',
        message: 'the archive ends too early',
      })
    },
  )

  it('nor one of another tool, whose first header is for what follows', async () => {
    const first = rawEntry({ name: 'PaxHeader/app.tar.gz', type: 'x', body: Buffer.alloc(30) })
    const path = place.file('cut.p2p', first.subarray(0, 400))
    await expect(inspectBundle(path)).rejects.toMatchObject({
      message: 'the archive ends too early',
    })
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
