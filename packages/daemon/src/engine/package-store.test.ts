import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  statfsSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveHome } from '@p2p-playground/core/config'
import { FakeClock } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PackageStore, packagePathsOf } from './package-store.js'

let root: string
let store: PackageStore
let clock: FakeClock

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
  clock = new FakeClock()
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

const DAY_MS = 24 * 3_600_000
const KEY = { app: 'web', version: '1.0.0' }

/** A part of a transfer that was last written so long ago. */
function leaveHalf(path: string, hoursAgo: number): void {
  writeFileSync(path, 'half')
  const touched = clock.now() / 1000 - hoursAgo * 3600
  utimesSync(path, touched, touched)
}

async function installed(content: string): Promise<void> {
  const stageDir = join(store.paths.stage, 's1')
  mkdirSync(stageDir)
  writeFileSync(join(stageDir, 'file'), content)
  const partPath = store.partPath(KEY, new Uint8Array([1, 2]))
  writeFileSync(partPath, 'package')
  await store.install({ stageDir, partPath, key: KEY, digest: 'abc' })
}

describe('PackageStore', () => {
  it('puts a staged tree and its package in place', async () => {
    await installed('one')
    expect(readFileSync(join(store.filesDir(KEY), 'file'), 'utf8')).toBe('one')
    expect(readFileSync(store.packagePath('abc'), 'utf8')).toBe('package')
    expect(existsSync(store.partPath(KEY, new Uint8Array([1, 2])))).toBe(false)
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

  it('sweeps stages and unknown versions, and keeps known ones', async () => {
    await installed('one')
    mkdirSync(join(root, 'stage', 'left-over'))
    mkdirSync(join(root, 'apps', 'web', '2.0.0'))
    writeFileSync(join(root, 'packages', 'unknown.p2p'), '')
    const swept = await store.sweep([{ ...KEY, digest: 'abc' }], [])
    expect(swept.map((path) => path.slice(root.length + 1)).sort()).toEqual([
      'apps/web/2.0.0',
      'packages/unknown.p2p',
      'stage/left-over',
    ])
    expect(existsSync(store.filesDir(KEY))).toBe(true)
  })

  it('sweeps nothing that is no version of an app', async () => {
    const strangers = [
      'notes',
      'python/3.12.1/bin',
      'My Files/1.0.0',
      'web/latest',
      'web/1.0.0-rc/x',
    ]
    for (const path of strangers) mkdirSync(join(root, 'apps', path), { recursive: true })
    writeFileSync(join(root, 'apps', 'README'), '')
    expect(await store.sweep([], [])).toEqual([])
    for (const path of strangers) expect(existsSync(join(root, 'apps', path))).toBe(true)
  })

  it('drops unfinished transfers that nobody continued for a day, but not one that somebody wants', async () => {
    const [old, wanted, fresh] = [1, 2, 3].map((digest) =>
      store.partPath(KEY, new Uint8Array([digest])),
    )
    if (old === undefined || wanted === undefined || fresh === undefined) throw new Error('no path')
    for (const path of [old, wanted, fresh]) leaveHalf(path, path === fresh ? 23 : 25)
    expect(await store.sweepTransfers(clock, (path) => path === wanted)).toEqual([old])
    expect(readdirSync(store.paths.incoming)).toHaveLength(2)
    expect(await store.sweepTransfers(clock, () => false)).toEqual([wanted])
    expect(existsSync(fresh)).toBe(true)
  })

  it('drops no transfer of minutes ago because somebody sets the clock, and each after a day that passed', async () => {
    const [before, after] = [1, 2].map((digest) => store.partPath(KEY, new Uint8Array([digest])))
    if (before === undefined || after === undefined) throw new Error('no path')
    const none = (): boolean => false
    leaveHalf(before, 1)
    expect(await store.sweepTransfers(clock, none)).toEqual([])
    await clock.advance(60_000)
    leaveHalf(after, 0)
    clock.setWall(clock.now() + 2 * DAY_MS)
    expect(await store.sweepTransfers(clock, none)).toEqual([])
    await clock.advance(DAY_MS - 3_600_000)
    expect(await store.sweepTransfers(clock, none)).toEqual([before])
    leaveHalf(after, 0)
    await clock.advance(DAY_MS)
    expect(await store.sweepTransfers(clock, none)).toEqual([])
    await clock.advance(60_000)
    expect(await store.sweepTransfers(clock, none)).toEqual([after])
  })

  it('refuses what the disk cannot hold with TRANSFER_DISK', async () => {
    await expect(store.checkSpace(2 ** 60)).rejects.toMatchObject({ code: 'TRANSFER_DISK' })
    await expect(store.checkSpace(1)).resolves.toBeUndefined()
  })
})

const OTHER_DISK = '/dev/shm'
const isOther = existsSync(OTHER_DISK) && statSync(OTHER_DISK).dev !== statSync(tmpdir()).dev
if (!isOther) process.stdout.write(`package-store.test: left out, ${OTHER_DISK} is no other disk\n`)

describe.skipIf(!isOther)('PackageStore, of apps on another disk than the home', () => {
  let apps: string

  beforeEach(async () => {
    apps = mkdtempSync(join(OTHER_DISK, 'p2pp-apps-'))
    store = new PackageStore(packagePathsOf(resolveHome({ P2P_PLAYGROUND_HOME: root }), apps))
    await store.prepare()
  })

  afterEach(() => {
    rmSync(apps, { recursive: true, force: true })
  })

  it('installs, replaces, sets aside and removes a version', async () => {
    await installed('one')
    await installed('two')
    const again = join(store.paths.stage, 's2')
    mkdirSync(again)
    await store.replaceFiles(KEY, again)
    expect(readFileSync(store.packagePath('abc'), 'utf8')).toBe('package')
    expect(existsSync(await store.setAside(KEY))).toBe(true)
    await installed('three')
    await store.remove(KEY, { digest: 'abc', overwrite: false })
    expect(readdirSync(apps).sort()).toEqual(['.quarantine', '.stage'])
  })

  it('keeps what is staged there from others, and out of what it takes for apps', async () => {
    expect(statSync(store.paths.stage).mode & 0o777).toBe(0o700)
    const place = await store.setAside(KEY)
    mkdirSync(join(store.paths.stage, 'left-over'))
    expect(await store.sweep([], [])).toEqual([join(store.paths.stage, 'left-over')])
    expect(existsSync(store.paths.stage)).toBe(true)
    expect(existsSync(place)).toBe(true)
  })

  it('looks for room on both', async () => {
    const { bavail, bsize } = statfsSync(apps)
    await expect(store.checkSpace(bavail * bsize + 1e9)).rejects.toMatchObject({
      code: 'TRANSFER_DISK',
    })
    await expect(store.checkSpace(1)).resolves.toBeUndefined()
  })
})

describe('packagePathsOf', () => {
  it('stages under the home where the apps are there', () => {
    const home = resolveHome({ P2P_PLAYGROUND_HOME: root })
    expect(packagePathsOf(home, home.apps)).toMatchObject({
      stage: home.stage,
      quarantine: home.quarantine,
    })
  })
})
