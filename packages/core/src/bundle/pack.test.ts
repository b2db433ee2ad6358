import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseManifest } from '../model/manifest.js'
import { packDirectory, signBundle } from './pack.js'
import { buildPieceList } from './pieces.js'
import { KEY, TRUSTED } from './signed.test.support.js'
import { inspectBundle, unpackBundle, verifyBundle } from './verify.js'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'p2pp-pack-'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

function app(name: string, files: Readonly<Record<string, string | Buffer>> = {}): string {
  const dir = join(root, name)
  mkdirSync(join(dir, 'bin'), { recursive: true })
  const all = {
    'manifest.yaml': 'name: app\nversion: 1.0.0\nentrypoint: bin/run\n',
    'bin/run': '#!/bin/sh\n',
    ...files,
  }
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(join(dir, path, '..'), { recursive: true })
    writeFileSync(join(dir, path), content, { mode: path.startsWith('bin/') ? 0o700 : 0o600 })
  }
  return dir
}

function bytes(length: number, seed: number): Buffer {
  const buffer = Buffer.alloc(length)
  let state = seed
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    buffer[index] = state >>> 24
  }
  return buffer
}

const BARE = 'name: app\nversion: 1.0.0\n'

/** Puts other lines under the name and version of a manifest. */
function rewrite(lines: string): (dir: string) => void {
  return (dir) => {
    symlinkSync('bin/run/../run', join(dir, 'link'))
    writeFileSync(join(dir, 'manifest.yaml'), `${BARE}${lines}\n`)
  }
}

describe('packDirectory', () => {
  it('gives the same bytes for the same tree, whatever its times and order', async () => {
    const first = app('a', { 'z/one': 'x', 'a/two': 'y' })
    const second = app('b', { 'a/two': 'y', 'z/one': 'x' })
    utimesSync(join(second, 'bin/run'), 1, 1)
    const one = await packDirectory({ dir: first, outPath: join(root, '1.p2p'), key: KEY })
    const two = await packDirectory({ dir: second, outPath: join(root, '2.p2p'), key: KEY })
    expect(readFileSync(one.path).equals(readFileSync(two.path))).toBe(true)
  })

  it('keeps content, executability, links and long paths', async () => {
    const long = `${'d'.repeat(90)}/${'e'.repeat(120)}/file`
    const dir = app('a', { [long]: 'deep', data: bytes(300_000, 1), empty: '' })
    symlinkSync('bin/run', join(dir, 'link'))
    const packed = await packDirectory({ dir, outPath: join(root, 'a.p2p'), key: KEY })
    const { stageDir } = await unpackBundle({
      path: packed.path,
      trusted: [TRUSTED],
      nowMs: 0,
      stageRoot: join(root, 'stage'),
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
    const packed = await packDirectory({ dir, outPath: join(root, 'a.p2p'), key: KEY })
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
    const outPath = join(root, 'a.p2p')
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
    const outPath = join(root, 'a.p2p')
    await packDirectory({ dir, outPath, createdAtMs: 1.7e12 })
    expect((await inspectBundle(outPath)).manifestText).toBe(text)
  })

  it('is plain tar and gzip to other tools', async () => {
    const packed = await packDirectory({ dir: app('a'), outPath: join(root, 'a.p2p'), key: KEY })
    const list = execFileSync('sh', ['-c', `tar xOf "${packed.path}" app.tar.gz | tar tzf -`], {
      encoding: 'utf8',
    })
    expect(list.trim().split('\n')).toEqual(['bin/', 'bin/run', 'manifest.yaml'])
  })

  it('changes few bytes of the archive when little of the tree changes', async () => {
    const data = bytes(24_000_000, 7)
    const one = await packDirectory({ dir: app('a', { data }), outPath: join(root, '1.p2p') })
    const edited = Buffer.concat([
      data.subarray(0, 12_000_000),
      Buffer.from('inserted'),
      data.subarray(12_000_000),
    ])
    const two = await packDirectory({
      dir: app('b', { data: edited }),
      outPath: join(root, '2.p2p'),
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

  it.each<[string, (dir: string) => void, RegExp]>([
    [
      'a missing manifest',
      (dir) => {
        rmSync(join(dir, 'manifest.yaml'))
      },
      /there is no .*manifest\.yaml/,
    ],
    [
      'a manifest that is a fifo',
      (dir) => {
        rmSync(join(dir, 'manifest.yaml'))
        execFileSync('mkfifo', [join(dir, 'manifest.yaml')])
      },
      /manifest\.yaml is not a regular file/,
    ],
    [
      'a manifest that is a symlink',
      (dir) => {
        renameSync(join(dir, 'manifest.yaml'), join(dir, 'app.yaml'))
        symlinkSync('app.yaml', join(dir, 'manifest.yaml'))
      },
      /manifest\.yaml is a symlink/,
    ],
    [
      'a missing entrypoint',
      (dir) => {
        rmSync(join(dir, 'bin/run'))
      },
      /entrypoint .* is no file/,
    ],
    [
      'an entrypoint that leads nowhere',
      (dir) => {
        rmSync(join(dir, 'bin/run'))
        symlinkSync('../manifest.yaml/../none', join(dir, 'bin/run'))
      },
      /entrypoint .* is no file/,
    ],
    [
      'an entrypoint with the line ends of Windows',
      (dir) => {
        writeFileSync(join(dir, 'bin/run'), '#!/bin/sh -e\r\nexec sleep 60\r\n')
      },
      /first line of the entrypoint "bin\/run" ends with a carriage return, .* finds \/bin\/sh -e$/,
    ],
    [
      'a hook with the line ends of Windows, behind a symlink',
      (dir) => {
        rewrite('entrypoint: bin/run\nscripts: { pre_start: pre }')(dir)
        writeFileSync(join(dir, 'pre.sh'), '#!/bin/sh\r\n')
        symlinkSync('pre.sh', join(dir, 'pre'))
      },
      /first line of the pre_start script "pre" ends with a carriage return/,
    ],
    ['an entrypoint through a file', rewrite('entrypoint: link'), /entrypoint .* is no file/],
    ['an entrypoint that is a directory', rewrite('entrypoint: bin'), /entrypoint .* is no file/],
    [
      'a hook that is not there',
      rewrite('entrypoint: bin/run\nscripts: { pre_start: pre.sh }'),
      /pre_start .*"pre\.sh" is no file/,
    ],
    [
      'a hook at the end that is not there',
      rewrite('entrypoint: bin/run\nscripts: { post_stop: bin }'),
      /post_stop .*"bin" is no file/,
    ],
    [
      'a work_dir that is not there',
      rewrite('entrypoint: bin/run\nwork_dir: data'),
      /work_dir "data" is no directory/,
    ],
    [
      'a work_dir that is a file',
      rewrite('entrypoint: bin/run\nwork_dir: bin/run'),
      /work_dir "bin\/run" is no directory/,
    ],
    [
      'a port that it does not have, in an argument',
      rewrite("entrypoint: bin/run\nports: { web: 0 }\nargs: ['${port.wbe}']"),
      /\$\{port\.wbe\} .*names nothing/,
    ],
    [
      'an unknown reference in a health check',
      rewrite("entrypoint: bin/run\nhealth_check: { type: x, deep: [{ a: '${app.name}' }] }"),
      /\$\{app\.name\} .*names nothing/,
    ],
    [
      'a health check of a port that it does not have',
      rewrite('entrypoint: bin/run\nports: { web: 0 }\nhealth_check: { type: tcp, port: webb }'),
      /health_check .*"webb".*no entry of "ports"/,
    ],
    [
      'a health check of no port',
      rewrite('entrypoint: bin/run\nhealth_check: { type: http, endpoint: / }'),
      /health_check .*which of 0 ports/,
    ],
    [
      'a health check of one of several ports',
      rewrite('entrypoint: bin/run\nports: { a: 0, b: 0 }\nhealth_check: { type: tcp }'),
      /health_check .*which of 2 ports/,
    ],
    [
      'a secret that is no env entry',
      rewrite('entrypoint: bin/run\nenv: { TOKEN: x }\nsecrets: [TOKEN, TOKNE]'),
      /secrets" names "TOKNE"/,
    ],
    [
      'a link outside',
      (dir) => {
        symlinkSync('../../etc/passwd', join(dir, 'bin/l'))
      },
      /outside of the application/,
    ],
    [
      'an absolute link',
      (dir) => {
        symlinkSync('/etc/passwd', join(dir, 'l'))
      },
      /outside of the application/,
    ],
    [
      'a fifo',
      (dir) => {
        execFileSync('mkfifo', [join(dir, 'pipe')])
      },
      /neither a file nor a directory/,
    ],
  ])('refuses %s with BUNDLE_PACK', async (_name, damage, message) => {
    const dir = app('a')
    damage(dir)
    const packing = packDirectory({ dir, outPath: join(root, 'a.p2p') })
    await expect(packing).rejects.toMatchObject({
      code: 'BUNDLE_PACK',
      message: expect.stringMatching(message) as string,
    })
  })

  it.each([
    'ports: { web: 0 }\nhealth_check: { type: http, endpoint: / }',
    'ports: { a: 0, b: 0 }\nhealth_check: { type: http, endpoint: /, port: b }',
    "ports: { a: 0 }\nhealth_check: { type: tcp, port: '${app.version}' }",
    'health_check: { type: http, endpoint: "http://127.0.0.1:80/" }',
    'health_check: { type: tcp, address: "127.0.0.1:80" }',
    'health_check: { type: other, port: 5432 }',
  ])('takes a health check that has a port: %s', async (lines) => {
    const dir = app('a')
    rewrite(`entrypoint: bin/run\n${lines}`)(dir)
    await expect(packDirectory({ dir, outPath: join(root, 'a.p2p') })).resolves.toBeDefined()
  })

  it('leaves the old package in its place when nodes would refuse the new one', async () => {
    const dir = app('a', { 'data/README': '', 'data/readme': '' })
    const outPath = join(root, 'a.p2p')
    writeFileSync(outPath, 'old')
    await expect(packDirectory({ dir, outPath })).rejects.toMatchObject({
      code: 'BUNDLE_DUPLICATE',
    })
    expect(readFileSync(outPath, 'utf8')).toBe('old')
    expect(readdirSync(root).sort()).toEqual(['a', 'a.p2p'])
  })

  it('leaves to the node what only a node knows', async () => {
    const dir = app('a')
    rewrite(
      "entrypoint: bin/run\nwork_dir: '${node.label.dir}'\nports: { web: 0 }\n" +
        "args: ['${port.web}', '${node.name}', '${node.label.x/y}', '${app.version}', '${HOME}']",
    )(dir)
    await expect(packDirectory({ dir, outPath: join(root, 'a.p2p') })).resolves.toBeDefined()
  })

  it('names the place of a mistake in the manifest', async () => {
    const dir = app('a', {
      'manifest.yaml': 'name: app\nversion: 1.0.0\nentrypoint: bin/run\nports: { web: 99999 }\n',
    })
    await expect(packDirectory({ dir })).rejects.toThrow(/manifest\.yaml:4:\d+: /)
  })
})

describe('signBundle', () => {
  it('signs an unsigned package, and one that was signed before', async () => {
    const packed = await packDirectory({ dir: app('a'), outPath: join(root, 'a.p2p') })
    await expect(inspectBundle(packed.path)).resolves.toMatchObject({ signed: false })
    await signBundle(packed.path, KEY)
    const again = join(root, 'b.p2p')
    await signBundle(packed.path, KEY, again)
    const verified = await verifyBundle({ path: again, trusted: [TRUSTED], nowMs: 0 })
    expect(verified.id).toEqual(packed.id)
  })
})
