import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ErrorCode } from '../errors.js'
import { DEFAULT_CAPS } from './entry-rules.js'
import type { BundleCaps } from './entry-rules.js'
import { expectRefusal } from './hostile.test.support.js'
import { pax, rawEntry, rawTar } from './raw-tar.test.support.js'
import type { RawEntry } from './raw-tar.test.support.js'
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

const text = (content: string): Buffer => Buffer.from(content)

/** Archives whose signature is good: only the rules for entries stand between them and the disk. */
const ARCHIVES: [string, ErrorCode, () => Buffer][] = [
  ['an absolute path', 'BUNDLE_ENTRY', () => archiveWith({ name: '/escaped' })],
  ['a path that climbs out', 'BUNDLE_ENTRY', () => archiveWith({ name: '../escaped' })],
  [
    'a path that climbs out in its middle',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'a/../../escaped' }),
  ],
  ['a path that ends in ..', 'BUNDLE_ENTRY', () => archiveWith({ name: 'a/..' })],
  ['a "." part', 'BUNDLE_ENTRY', () => archiveWith({ name: 'a/./b' })],
  ['an empty part', 'BUNDLE_ENTRY', () => archiveWith({ name: 'a//b' })],
  ['an empty name', 'BUNDLE_ENTRY', () => archiveWith({ name: '' })],
  ['a file named "."', 'BUNDLE_ENTRY', () => archiveWith({ name: '.' })],
  [
    'content under a name that ends in /',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'a/', body: rawEntry({ name: 'smuggled' }) }),
  ],
  [
    'a climbing path in a prefix',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'escaped', prefix: '..' }),
  ],
  [
    'a climbing path in a pax record',
    'BUNDLE_ENTRY',
    () => archiveWith(pax({ path: '../escaped' }), { name: 'x' }),
  ],
  [
    'an absolute path in a pax record',
    'BUNDLE_ENTRY',
    () => archiveWith(pax({ path: '/escaped' }), { name: 'x' }),
  ],
  ['a NUL in a pax path', 'BUNDLE_ENTRY', () => archiveWith(pax({ path: 'a\0b' }), { name: 'x' })],
  [
    'a name that is not UTF-8',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: Buffer.from([0x61, 0xff, 0xfe]) }),
  ],
  [
    'a name of 300 bytes',
    'BUNDLE_ENTRY',
    () => archiveWith(pax({ path: 'n'.repeat(300) }), { name: 'x' }),
  ],
  [
    'a pax record that sets the size',
    'BUNDLE_ENTRY',
    () => archiveWith(pax({ size: '9' }), { name: 'x' }),
  ],
  [
    'a pax record that sets the owner',
    'BUNDLE_ENTRY',
    () => archiveWith(pax({ uid: '0' }), { name: 'x' }),
  ],
  [
    'two pax records in a row',
    'BUNDLE_ENTRY',
    () => archiveWith(pax({ path: 'a' }), pax({ path: 'b' }), { name: 'x' }),
  ],
  ['a pax record at the end', 'BUNDLE_ENTRY', () => archiveWith(pax({ path: 'a' }))],
  ['a global pax record', 'BUNDLE_ENTRY', () => archiveWith({ ...pax({ path: 'a' }), type: 'g' })],
  [
    'a GNU long name',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: '././@LongLink', type: 'L', body: text('x') }),
  ],
  [
    'a GNU long link',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: '././@LongLink', type: 'K', body: text('x') }),
  ],
  ['a GNU sparse file', 'BUNDLE_ENTRY', () => archiveWith({ name: 'sparse', type: 'S' })],
  ['a hard link', 'BUNDLE_ENTRY', () => archiveWith({ name: 'hard', type: '1', link: 'bin/run' })],
  [
    'a hard link to a system file',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'hard', type: '1', link: '/etc/passwd' }),
  ],
  ['a character device', 'BUNDLE_ENTRY', () => archiveWith({ name: 'dev', type: '3' })],
  ['a block device', 'BUNDLE_ENTRY', () => archiveWith({ name: 'dev', type: '4' })],
  ['a fifo', 'BUNDLE_ENTRY', () => archiveWith({ name: 'pipe', type: '6' })],
  ['an unknown type', 'BUNDLE_ENTRY', () => archiveWith({ name: 'odd', type: 'Z' })],
  ['a setuid file', 'BUNDLE_ENTRY', () => archiveWith({ name: 'suid', mode: 0o4755 })],
  ['a setgid file', 'BUNDLE_ENTRY', () => archiveWith({ name: 'sgid', mode: 0o2755 })],
  [
    'a sticky directory',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'dir/', type: '5', mode: 0o1755 }),
  ],
  [
    'an absolute symlink',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'l', type: '2', link: '/etc/passwd' }),
  ],
  [
    'a symlink that climbs out',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'l', type: '2', link: '../../etc' }),
  ],
  ['a symlink to nothing', 'BUNDLE_ENTRY', () => archiveWith({ name: 'l', type: '2', link: '' })],
  [
    'a symlink that climbs out through another one',
    'BUNDLE_ENTRY',
    () =>
      archiveWith(
        { name: 'd/up', type: '2', link: '..' },
        { name: 'l', type: '2', link: 'd/up/../escaped' },
      ),
  ],
  [
    'symlinks that go in circles',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'a', type: '2', link: 'b' }, { name: 'b', type: '2', link: 'a' }),
  ],
  [
    'a file written through a symlink',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'l', type: '2', link: 'bin' }, { name: 'l/escaped' }),
  ],
  ['a file below a file', 'BUNDLE_ENTRY', () => archiveWith({ name: 'f' }, { name: 'f/g' })],
  [
    'a symlink with content',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'l', type: '2', link: 'bin', body: text('x') }),
  ],
  [
    'a directory with content',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'd/', type: '5', body: text('x') }),
  ],
  ['a file twice', 'BUNDLE_DUPLICATE', () => archiveWith({ name: 'f' }, { name: 'f' })],
  [
    'a symlink over a file',
    'BUNDLE_DUPLICATE',
    () => archiveWith({ name: 'f' }, { name: 'f', type: '2', link: 'bin' }),
  ],
  ['a manifest twice', 'BUNDLE_DUPLICATE', () => archiveWith(MANIFEST)],
  ['the same name by "./"', 'BUNDLE_DUPLICATE', () => archiveWith({ name: 'f' }, { name: './f' })],
  [
    'names that differ in case',
    'BUNDLE_DUPLICATE',
    () => archiveWith({ name: 'Readme' }, { name: 'README' }),
  ],
  [
    'directories that differ in case',
    'BUNDLE_DUPLICATE',
    () => archiveWith({ name: 'A/x' }, { name: 'a/y' }),
  ],
  [
    'names that differ in normalisation',
    'BUNDLE_DUPLICATE',
    () => archiveWith({ name: 'caf\u00e9' }, { name: 'cafe\u0301' }),
  ],
  [
    'a depth of 33',
    'BUNDLE_LIMIT',
    () => archiveWith({ name: Array.from({ length: 33 }, () => 'd').join('/') }),
  ],
  [
    'bytes behind the end',
    'BUNDLE_ENTRY',
    () =>
      gzipSync(
        rawTar([MANIFEST, PROGRAM], Buffer.concat([Buffer.alloc(1024), Buffer.alloc(512, 1)])),
      ),
  ],
  [
    'padding that is not zero',
    'BUNDLE_ENTRY',
    () => archiveWith({ name: 'f', body: text('x'), padding: 7 }),
  ],
  ['no end', 'BUNDLE_TRUNCATED', () => gzipSync(rawTar([MANIFEST, PROGRAM], Buffer.alloc(0)))],
  [
    'half an end',
    'BUNDLE_TRUNCATED',
    () => gzipSync(rawTar([MANIFEST, PROGRAM], Buffer.alloc(512))),
  ],
  [
    'a file larger than the archive',
    'BUNDLE_TRUNCATED',
    () => archiveWith({ name: 'f', size: 1_000_000 }),
  ],
  ['a wrong checksum', 'BUNDLE_ENTRY', () => archiveWith({ name: 'f', checksum: '000001\0 ' })],
  ['no checksum', 'BUNDLE_ENTRY', () => archiveWith({ name: 'f', checksum: '        ' })],
  ['another magic', 'BUNDLE_ENTRY', () => archiveWith({ name: 'f', magic: 'tarry\u000000' })],
  [
    'two gzip members',
    'BUNDLE_ENTRY',
    () => Buffer.concat([archiveWith(), gzipSync(text('more'))]),
  ],
  [
    'garbage behind the gzip data',
    'BUNDLE_ENTRY',
    () => Buffer.concat([archiveWith(), text('garbage')]),
  ],
  ['no gzip data', 'BUNDLE_ENTRY', () => rawTar([MANIFEST, PROGRAM])],
  ['gzip data cut short', 'BUNDLE_ENTRY', () => archiveWith().subarray(0, -12)],
]

describe('a signed package is refused whole', () => {
  it.each(ARCHIVES)('with %s: %s', async (_name, code, archive) => {
    await expectRefusal(await signedPackage(archive()), code)
  })

  const caps: [string, ErrorCode, Partial<BundleCaps>, RawEntry[]][] = [
    [
      'more entries than the cap',
      'BUNDLE_LIMIT',
      { maxEntries: 10 },
      Array.from({ length: 11 }, (_, index) => ({ name: `f${String(index)}` })),
    ],
    [
      'more bytes than the cap',
      'BUNDLE_LIMIT',
      { maxUnpackedBytes: 100_000 },
      [{ name: 'f', body: Buffer.alloc(200_000) }],
    ],
    [
      'a bomb',
      'BUNDLE_LIMIT',
      { maxRatio: 20, ratioFloorBytes: 1000 },
      [{ name: 'f', body: Buffer.alloc(5_000_000) }],
    ],
    ['a file over the cap', 'BUNDLE_TOO_LARGE', { maxFileBytes: 1000 }, []],
  ]
  it.each(caps)('with %s: %s', async (_name, code, patch, entries) => {
    await expectRefusal(await signedPackage(archiveWith(...entries)), code, {
      ...DEFAULT_CAPS,
      ...patch,
    })
  })

  it('cut at any block', async () => {
    const sound = await signedPackage(archiveWith())
    for (let length = 0; length < sound.length - 512; length += 512) {
      const path = place.file('cut.p2p', sound.subarray(0, length))
      const refused = unpackBundle({
        path,
        trusted: [TRUSTED],
        nowMs: 0,
        stageRoot: join(place.dir, 'stage'),
      })
      await expect(refused).rejects.toMatchObject({
        code: expect.stringMatching(/^BUNDLE_/) as string,
      })
    }
  })
})
