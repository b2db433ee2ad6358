import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { packDirectory } from './pack.js'
import type { PackedBundle } from './pack.js'
import { inspectBundle } from './verify.js'

let root: string
let dir: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'p2pp-ignore-'))
  dir = join(root, 'app')
  write('manifest.yaml', 'name: app\nversion: 1.0.0\nentrypoint: bin/run\n')
  write('bin/run', '#!/bin/sh\n')
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

function write(path: string, content = ''): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true })
  writeFileSync(join(dir, path), content)
}

function fifo(path: string): void {
  execFileSync('mkfifo', [join(dir, path)])
}

const pack = async (outPath = join(root, 'a.p2p')): Promise<PackedBundle> =>
  packDirectory({ dir, outPath })

/** What a package holds beside the manifest and the program. */
async function othersIn(packed: PackedBundle): Promise<string[]> {
  const { files } = await inspectBundle(packed.path)
  return files
    .map(({ path, type }) => (type === 'directory' ? `${path}/` : path))
    .filter((path) => path !== 'manifest.yaml' && !path.startsWith('bin/'))
}

describe('what .p2pignore names', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['.env', ['.env', 'sub/.env', '.env.local'], ['.env.local', 'sub/']],
    ['/.env', ['.env', 'sub/.env'], ['sub/', 'sub/.env']],
    ['*.log\n!keep.log', ['a.log', 'keep.log'], ['keep.log']],
    ['# *.log\n\n', ['a.log'], ['a.log']],
    ['\\#a', ['#a'], []],
    ['sub/*\n!sub/b', ['sub/a', 'sub/b'], ['sub/', 'sub/b']],
    ['sub/\n!sub/b', ['sub/a', 'sub/b'], []],
    ['sub/', ['sub'], ['sub']],
    ['a/**/c', ['a/c', 'a/b/c', 'a/b/d'], ['a/', 'a/b/', 'a/b/d']],
    ['README', ['readme', 'README'], ['readme']],
    ['a.log\r\nb.log\r\n', ['a.log', 'b.log'], []],
    ['\uFEFFa.log', ['a.log'], []],
    ['*\n!bin\n!bin/run\n!manifest.yaml', ['a', 'sub/b'], []],
    ['none', ['sub/.p2pignore'], ['sub/', 'sub/.p2pignore']],
    ['!.p2pignore', [], []],
  ])('stays out: %j', async (text, paths, packed) => {
    write('.p2pignore', text)
    for (const path of paths) write(path)
    expect(await othersIn(await pack())).toEqual(packed)
  })

  it('is counted, a directory as one', async () => {
    write('.p2pignore', 'cache/\n*.log\n')
    for (const path of ['cache/a', 'cache/b', 'a.log', 'sub/b.log', 'kept']) write(path)
    await expect(pack()).resolves.toMatchObject({ ignored: 3 })
  })

  it('is not looked into: there it may be of any kind', async () => {
    write('.p2pignore', 'cache/\n*.pipe\noutside\n')
    mkdirSync(join(dir, 'cache'))
    fifo('cache/fifo')
    fifo('a.pipe')
    symlinkSync('/etc/passwd', join(dir, 'outside'))
    await expect(pack()).resolves.toMatchObject({ ignored: 3 })
    rmSync(join(dir, '.p2pignore'))
    await expect(pack()).rejects.toMatchObject({ code: 'BUNDLE_PACK' })
  })

  it('takes a symlink to a directory for a file, as git does', async () => {
    write('.p2pignore', 'link/\n')
    write('sub/a')
    symlinkSync('sub', join(dir, 'link'))
    expect(await othersIn(await pack())).toEqual(['link', 'sub/', 'sub/a'])
  })

  it('changes nothing of the bytes that the rest gives', async () => {
    write('a')
    const without = readFileSync((await pack(join(root, 'without.p2p'))).path)
    write('.p2pignore', 'cache/\n')
    write('cache/b')
    expect(readFileSync((await pack()).path).equals(without)).toBe(true)
  })
})

describe('without a .p2pignore', () => {
  it('only git and packages of the app stay out', async () => {
    const packages = ['app-0.9.0.p2p', 'app-1.0.0-rc.1+b.5.p2p']
    for (const path of ['.git/HEAD', 'vendor/x/.git', ...packages]) write(path)
    const kept = ['.env', '.gitignore', 'app-web.p2p', 'other-1.0.0.p2p', 'vendor/app-0.9.0.p2p']
    for (const path of kept) write(path)
    const packed = await pack()
    expect(await othersIn(packed)).toEqual([
      ...kept.slice(0, 4),
      'vendor/',
      'vendor/app-0.9.0.p2p',
      'vendor/x/',
    ])
    expect(packed.ignored).toBe(4)
  })

  it('nothing is counted for the package that is written', async () => {
    for (const outPath of [join(dir, 'app-1.0.0.p2p'), join(dir, 'bin/any')]) {
      await pack(outPath)
      await expect(pack(outPath)).resolves.toMatchObject({ ignored: 0 })
      rmSync(outPath)
    }
  })
})

it('a line with "!" takes in what stays out by default', async () => {
  write('.p2pignore', '!.git\n!app-*.p2p\n')
  for (const path of ['.git/HEAD', 'app-0.9.0.p2p']) write(path)
  const packed = await pack(join(dir, 'app-1.0.0.p2p'))
  expect(await othersIn(packed)).toEqual(['.git/', '.git/HEAD', 'app-0.9.0.p2p'])
  await pack(packed.path)
  expect(await othersIn(packed)).toEqual(['.git/', '.git/HEAD', 'app-0.9.0.p2p'])
})

describe('what the manifest needs is missed, with the line that leaves it out', () => {
  const entrypoint = /entrypoint "bin\/run" is no file/
  it.each<[string, string, RegExp, RegExp]>([
    [
      'the manifest',
      '# all\n*.yaml',
      /manifest "manifest\.yaml" is no file/,
      /line 2 .*"\*\.yaml"/,
    ],
    ['the program', '\n\n  \nrun', entrypoint, /line 4 .*"run".* "!\/bin\/run"/],
    ['its directory', 'bin/\r\n', entrypoint, /line 1 .*\("bin\/"\).* "!\/bin"/],
    ['a hook', 'hook', /pre_start script "hook" is no file/, /line 1 /],
    ['what a link leads to', 'v1/real', /post_stop script "current\/stop" is no file/, /line 1 /],
    ['the work_dir', 'a\ndata', /work_dir "data" is no directory/, /line 2 /],
  ])('%s', async (_name, text, message, hint) => {
    write('.p2pignore', text)
    write('hook')
    write('v1/real')
    mkdirSync(join(dir, 'data'))
    symlinkSync('v1', join(dir, 'current'))
    symlinkSync('real', join(dir, 'v1/stop'))
    const scripts = 'scripts: { pre_start: hook, post_stop: current/stop }'
    write(
      'manifest.yaml',
      `name: app\nversion: 1.0.0\nentrypoint: bin/run\nwork_dir: data\n${scripts}\n`,
    )
    await expect(pack()).rejects.toMatchObject({
      code: 'BUNDLE_PACK',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    })
  })

  it('or with the default', async () => {
    write('.git/run')
    write('manifest.yaml', 'name: app\nversion: 1.0.0\nentrypoint: .git/run\n')
    const hint = expect.stringMatching(/^The default leaves it out .*"!\/\.git"/) as string
    await expect(pack()).rejects.toMatchObject({ code: 'BUNDLE_PACK', hint })
  })

  it('or as before when it was not there', async () => {
    write('.p2pignore', 'dist/\n')
    write('manifest.yaml', 'name: app\nversion: 1.0.0\nentrypoint: dist/run\n')
    const hint = expect.stringContaining('Build the application first') as string
    await expect(pack()).rejects.toMatchObject({ code: 'BUNDLE_PACK', hint })
  })
})

describe('a .p2pignore', () => {
  it.each<[string, (path: string) => void, RegExp]>([
    ['a directory', mkdirSync, /is not a regular file$/],
    ['a fifo', (path) => execFileSync('mkfifo', [path]), /is not a regular file$/],
    [
      'larger than 1 MiB',
      (path) => {
        writeFileSync(path, Buffer.alloc(1024 * 1024 + 1, '\n'))
      },
      /has 1048577 bytes, more than 1048576$/,
    ],
    [
      'a symlink',
      (path) => {
        writeFileSync(join(root, 'secret'), '*')
        symlinkSync('../secret', path)
      },
      /is a symlink$/,
    ],
  ])('is refused when it is %s', async (_name, make, message) => {
    make(join(dir, '.p2pignore'))
    await expect(pack()).rejects.toMatchObject({
      code: 'BUNDLE_PACK',
      message: expect.stringMatching(message) as string,
    })
  })
})
