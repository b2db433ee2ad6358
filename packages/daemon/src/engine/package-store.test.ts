import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PackageStore } from './package-store.js'

let root: string
let store: PackageStore

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'p2pp-packages-'))
  store = new PackageStore({
    apps: join(root, 'apps'),
    stage: join(root, 'stage'),
    incoming: join(root, 'incoming'),
    packages: join(root, 'packages'),
    quarantine: join(root, 'quarantine'),
  })
  await store.prepare()
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

const KEY = { app: 'web', version: '1.0.0' }

async function installed(content: string): Promise<void> {
  const stageDir = join(root, 'stage', 's1')
  mkdirSync(stageDir)
  writeFileSync(join(stageDir, 'file'), content)
  const partPath = store.partPath(new Uint8Array([1, 2]))
  writeFileSync(partPath, 'package')
  await store.install({ stageDir, partPath, key: KEY, digest: 'abc' })
}

describe('PackageStore', () => {
  it('puts a staged tree and its package in place', async () => {
    await installed('one')
    expect(readFileSync(join(store.filesDir(KEY), 'file'), 'utf8')).toBe('one')
    expect(readFileSync(store.packagePath('abc'), 'utf8')).toBe('package')
    expect(existsSync(store.partPath(new Uint8Array([1, 2])))).toBe(false)
  })

  it('replaces what a killed daemon left in the place', async () => {
    mkdirSync(join(store.versionDir(KEY), 'files', 'old'), { recursive: true })
    await installed('two')
    expect(existsSync(join(store.filesDir(KEY), 'old'))).toBe(false)
    expect(readFileSync(join(store.filesDir(KEY), 'file'), 'utf8')).toBe('two')
  })

  it('removes a version with its package, twice without harm', async () => {
    await installed('one')
    await store.remove(KEY, { digest: 'abc', overwrite: false })
    await store.remove(KEY, { digest: 'abc', overwrite: false })
    expect(existsSync(join(root, 'apps', 'web'))).toBe(false)
    expect(existsSync(store.packagePath('abc'))).toBe(false)
  })

  it('keeps the package file of a digest that another version shares', async () => {
    await installed('one')
    await store.remove(KEY, { digest: null, overwrite: false })
    expect(existsSync(store.packagePath('abc'))).toBe(true)
  })

  it('sweeps stages and unknown versions, and keeps known ones and unfinished transfers', async () => {
    await installed('one')
    mkdirSync(join(root, 'stage', 'left-over'))
    mkdirSync(join(root, 'apps', 'web', '2.0.0'))
    writeFileSync(join(root, 'packages', 'unknown.p2p'), '')
    writeFileSync(store.partPath(new Uint8Array([9])), 'half')
    const swept = await store.sweep([{ ...KEY, digest: 'abc' }], [])
    expect(swept.map((path) => path.slice(root.length + 1)).sort()).toEqual([
      'apps/web/2.0.0',
      'packages/unknown.p2p',
      'stage/left-over',
    ])
    expect(existsSync(store.filesDir(KEY))).toBe(true)
    expect(existsSync(store.partPath(new Uint8Array([9])))).toBe(true)
  })

  it('refuses what the disk cannot hold with TRANSFER_DISK', async () => {
    await expect(store.checkSpace(2 ** 60)).rejects.toMatchObject({ code: 'TRANSFER_DISK' })
    await expect(store.checkSpace(1)).resolves.toBeUndefined()
  })
})
