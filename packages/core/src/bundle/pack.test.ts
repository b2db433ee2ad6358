import { execFileSync } from 'node:child_process'
import {
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseManifest } from '../model/manifest.js'
import { packDirectory, signBundle } from './pack.js'
import { BARE, appsOfEachTest, rewrite } from './pack.test.support.js'
import { buildPieceList } from './pieces.js'
import { KEY, TRUSTED } from './signed.test.support.js'
import { inspectBundle, unpackBundle, verifyBundle } from './verify.js'

const { app, inRoot } = appsOfEachTest()

function bytes(length: number, seed: number): Buffer {
  const buffer = Buffer.alloc(length)
  let state = seed
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    buffer[index] = state >>> 24
  }
  return buffer
}

describe('packDirectory', () => {
  it('gives the same bytes for the same tree, whatever its times and order', async () => {
    const first = app('a', { 'z/one': 'x', 'a/two': 'y' })
    const second = app('b', { 'a/two': 'y', 'z/one': 'x' })
    utimesSync(join(second, 'bin/run'), 1, 1)
    const one = await packDirectory({ dir: first, outPath: inRoot('1.p2p'), key: KEY })
    const two = await packDirectory({ dir: second, outPath: inRoot('2.p2p'), key: KEY })
    expect(readFileSync(one.path).equals(readFileSync(two.path))).toBe(true)
  })

  it('keeps content, executability, links and long paths', async () => {
    const long = `${'d'.repeat(90)}/${'e'.repeat(120)}/file`
    const dir = app('a', { [long]: 'deep', data: bytes(300_000, 1), empty: '' })
    symlinkSync('bin/run', join(dir, 'link'))
    const packed = await packDirectory({ dir, outPath: inRoot('a.p2p'), key: KEY })
    const { stageDir } = await unpackBundle({
      path: packed.path,
      trusted: [TRUSTED],
      nowMs: 0,
      stageRoot: inRoot('stage'),
    })
    expect(readFileSync(join(stageDir, long), 'utf8')).toBe('deep')
    expect(readFileSync(join(stageDir, 'data')).equals(bytes(300_000, 1))).toBe(true)
    expect(statSync(join(stageDir, 'bin/run')).mode & 0o777).toBe(0o755)
    expect(statSync(join(stageDir, 'data')).mode & 0o777).toBe(0o644)
    expect(statSync(stageDir).mode & 0o777).toBe(0o700)
    expect(readFileSync(join(stageDir, 'link'), 'utf8')).toBe('#!/bin/sh\n')
  })

  it('takes symlinks within the package for what they lead to', async () => {
    const dir = app('a', {
      'manifest.yaml': `${BARE}entrypoint: bin/start\nwork_dir: here\nscripts: { pre_start: hook }\n`,
      'v1/data/run': '#!/bin/sh\n',
    })
    symlinkSync('v1', join(dir, 'current'))
    symlinkSync('../current/data/../data/run', join(dir, 'bin/start'))
    symlinkSync('current/data', join(dir, 'here'))
    symlinkSync('bin/start', join(dir, 'hook'))
    const packed = await packDirectory({ dir, outPath: inRoot('a.p2p'), key: KEY })
    const verified = await verifyBundle({ path: packed.path, trusted: [TRUSTED], nowMs: 0 })
    expect(verified.manifest.entrypoint).toBe('bin/start')
  })

  it.each([
    ['plain', `${BARE}entrypoint: bin/run # the program\n`],
    ['in one line', '{ name: app, version: 1.0.0, entrypoint: bin/run }'],
    ['closed', `---\n${BARE}entrypoint: bin/run\n...\n`],
    ['that ends in a block', `${BARE}entrypoint: bin/run\ndescription: |+\n  one\n\n\n`],
    ['with Windows line ends', `${BARE}entrypoint: bin/run\n`.replaceAll('\n', '\r\n')],
    ['with a long text', `${BARE}entrypoint: bin/run\nargs: [${'word '.repeat(60)}]\n`],
  ])('puts the time that it is given into a manifest %s', async (_name, text) => {
    const dir = app('a', { 'manifest.yaml': text })
    const outPath = inRoot('a.p2p')
    const packed = await packDirectory({ dir, outPath, key: KEY, createdAtMs: 1.7e12 })
    const found = await verifyBundle({ path: outPath, trusted: [TRUSTED], nowMs: 0 })
    // What packing says, and what a node reads.
    expect(found.manifest).toEqual({ ...parseManifest(text, 'm'), createdAtMs: 1.7e12 })
    expect(packed.manifest).toEqual(found.manifest)
    expect(found.manifestText).toContain('created_at: 2023-11-14T22:13:20Z')
    expect(readFileSync(join(dir, 'manifest.yaml'), 'utf8')).toBe(text)
    const again = await packDirectory({ dir, outPath, key: KEY, createdAtMs: 1.7e12 })
    expect(again.id).toEqual(packed.id)
  })

  it('leaves a manifest alone that says when it was made', async () => {
    const text = `${BARE}entrypoint:   bin/run\ncreated_at: 2026-01-31T12:00:00+01:00\n`
    const dir = app('a', { 'manifest.yaml': text })
    const outPath = inRoot('a.p2p')
    await packDirectory({ dir, outPath, createdAtMs: 1.7e12 })
    expect((await inspectBundle(outPath)).manifestText).toBe(text)
  })

  it('is plain tar and gzip to other tools', async () => {
    const packed = await packDirectory({ dir: app('a'), outPath: inRoot('a.p2p'), key: KEY })
    const list = execFileSync('sh', ['-c', `tar xOf "${packed.path}" app.tar.gz | tar tzf -`], {
      encoding: 'utf8',
    })
    expect(list.trim().split('\n')).toEqual(['bin/', 'bin/run', 'manifest.yaml'])
  })

  it('changes few bytes of the archive when little of the tree changes', async () => {
    const data = bytes(24_000_000, 7)
    const one = await packDirectory({ dir: app('a', { data }), outPath: inRoot('1.p2p') })
    const edited = Buffer.concat([
      data.subarray(0, 12_000_000),
      Buffer.from('inserted'),
      data.subarray(12_000_000),
    ])
    const two = await packDirectory({
      dir: app('b', { data: edited }),
      outPath: inRoot('2.p2p'),
    })
    const before = new Set(
      (await buildPieceList(one.path)).pieces.map((piece) =>
        Buffer.from(piece.digest).toString('hex'),
      ),
    )
    const after = (await buildPieceList(two.path)).pieces
    const fresh = after.filter((piece) => !before.has(Buffer.from(piece.digest).toString('hex')))
    const freshBytes = fresh.reduce((sum, piece) => sum + piece.sizeBytes, 0)
    expect(freshBytes).toBeLessThan(two.sizeBytes * 0.4)
  })

  it('leaves the old package in its place when nodes would refuse the new one', async () => {
    const dir = app('a', { 'data/README': '', 'data/readme': '' })
    const outPath = inRoot('a.p2p')
    writeFileSync(outPath, 'old')
    await expect(packDirectory({ dir, outPath })).rejects.toMatchObject({
      code: 'BUNDLE_DUPLICATE',
    })
    expect(readFileSync(outPath, 'utf8')).toBe('old')
    expect(readdirSync(inRoot()).sort()).toEqual(['a', 'a.p2p'])
  })

  it('leaves to the node what only a node knows', async () => {
    const dir = app('a')
    rewrite(
      "entrypoint: bin/run\nwork_dir: '${node.label.dir}'\nports: { web: 0 }\n" +
        "args: ['${port.web}', '${node.name}', '${node.label.x/y}', '${app.version}', '${HOME}']",
    )(dir)
    await expect(packDirectory({ dir, outPath: inRoot('a.p2p') })).resolves.toBeDefined()
  })
})

describe('signBundle', () => {
  it('signs an unsigned package, and one that was signed before', async () => {
    const packed = await packDirectory({ dir: app('a'), outPath: inRoot('a.p2p') })
    await expect(inspectBundle(packed.path)).resolves.toMatchObject({ signed: false })
    await signBundle(packed.path, KEY)
    const again = inRoot('b.p2p')
    await signBundle(packed.path, KEY, again)
    const verified = await verifyBundle({ path: again, trusted: [TRUSTED], nowMs: 0 })
    expect(verified.id).toEqual(packed.id)
  })
})
