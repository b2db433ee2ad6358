import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FakeClock } from '@p2p-playground/testkit'
import { describe, expect, it, vi } from 'vitest'
import {
  KEY,
  breakOpenFile,
  descriptorsOf,
  storeFixture,
  temporaryDir,
  write,
} from './log-fixture.test.support.js'

/** The paths of all files below a directory. */
function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const OTHER = { app: 'hello', version: '1.1.0' }

/** Makes an instance's log one that cannot be opened: a directory has the name of its segment. */
function spoil(dir: string): void {
  mkdirSync(join(dir, 'segments', '00000001.seg'), { recursive: true })
}

describe('LogStore keeps', () => {
  it('no more than the cap over all versions, drops the oldest, and counts it', async () => {
    const cap = 256 * 1024
    const { store, open, read, logger, rootDir } = storeFixture({ maxBytesPerApp: cap })
    const line = `${'x'.repeat(99)}\n`
    for (const key of [KEY, OTHER]) {
      for (let run = 0; run < 20; run += 1) {
        write((await open(key)).stdoutPath, line.repeat(200))
        await store.finish(key)
      }
    }
    const sizeOf = (version: string): number => {
      const dir = join(rootDir, 'hello', version, 'segments')
      return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)
    }
    expect(sizeOf('1.0.0') + sizeOf('1.1.0')).toBeLessThanOrEqual(cap)
    const kept = await read()
    const dropped = store.dropped('hello')
    expect(dropped['1.0.0']).toBe(4000)
    expect(dropped['1.1.0']).toBeGreaterThan(0)
    expect(kept.map(({ seq }) => seq)).toEqual(
      Array.from({ length: kept.length }, (_, index) => 4001 - kept.length + index),
    )
    expect(kept.length + (dropped['1.1.0'] ?? 0)).toBe(4000)
    expect(logger.count('log-lines-dropped')).toBeGreaterThan(5)
  })

  it('the newest lines of a burst that is larger than the cap', async () => {
    const cap = 256 * 1024
    const { store, open, read } = storeFixture({ maxBytesPerApp: cap })
    write((await open()).stdoutPath, `${'x'.repeat(99)}\n`.repeat(10_000))
    await store.finish(KEY)
    const kept = await read()
    expect(kept.at(-1)?.seq).toBe(10_000)
    expect(kept.length).toBeGreaterThan(cap / 100 / 2)
    expect(kept.length).toBeLessThan(cap / 100)
    expect(store.dropped('hello')['1.0.0']).toBe(10_000 - kept.length)
  })

  it('to the cap, and stores each line once, beside a version whose log cannot be read', async () => {
    const cap = 256 * 1024
    const { store, open, read, logger, rootDir } = storeFixture({ maxBytesPerApp: cap })
    spoil(join(rootDir, 'hello', '1.1.0'))
    for (let run = 0; run < 20; run += 1) {
      write((await open()).stdoutPath, `${'x'.repeat(99)}\n`.repeat(200))
      await store.finish(KEY)
    }
    const kept = await read({ version: KEY.version })
    expect(kept.map(({ seq }) => seq)).toEqual(
      Array.from({ length: kept.length }, (_, index) => 4001 - kept.length + index),
    )
    expect(kept.length).toBeLessThan(cap / 100)
    expect(logger.count('log-collect-failed')).toBe(0)
    expect(logger.count('log-retention-failed')).toBeGreaterThan(0)
  })

  it('nothing that is too old, though nothing new is written, and one log cannot be read', async () => {
    const clock = new FakeClock()
    const { store, open, lines, stored, rootDir } = storeFixture({ clock, maxAgeMs: DAY_MS })
    for (const app of ['another', 'zebra']) spoil(join(rootDir, app, '1.0.0'))
    write((await open()).stdoutPath, 'old\n')
    await stored(1)
    await store.finish(KEY)
    await clock.advance(DAY_MS)
    expect(await lines()).toEqual(['old'])
    await clock.advance(2 * HOUR_MS)
    expect(await lines()).toEqual([])
    expect(store.dropped('hello')).toEqual({ '1.0.0': 1 })
    write((await open()).stdoutPath, 'new\n')
    await stored(1)
  })

  it.each([-1000 * DAY_MS, 3 * DAY_MS, 1000 * DAY_MS])(
    'what is not old, though somebody sets the clock by %d ms and back',
    async (byMs) => {
      const clock = new FakeClock()
      const { store, open, lines, stored } = storeFixture({ clock, maxAgeMs: DAY_MS })
      write((await open()).stdoutPath, 'before\n')
      await stored(1)
      await store.finish(KEY)
      await clock.advance(6 * HOUR_MS)
      clock.setWall(clock.now() + byMs)
      write((await open(OTHER)).stdoutPath, 'meanwhile\n')
      await stored(2)
      await store.finish(OTHER)
      clock.setWall(clock.now() - byMs)
      await clock.advance(17 * HOUR_MS)
      expect((await lines()).sort()).toEqual(['before', 'meanwhile'])
      await clock.advance(3 * DAY_MS)
      expect(await lines()).toEqual([])
    },
  )

  it('an old segment with a new line, which was stored while the clock was set back', async () => {
    const clock = new FakeClock()
    const { store, open, lines, stored } = storeFixture({ clock, maxAgeMs: DAY_MS })
    const log = async (line: string, count: number): Promise<void> => {
      write((await open()).stdoutPath, `${line}\n`)
      await stored(count)
      await store.finish(KEY)
    }
    await log('before', 1)
    await clock.advance(20 * HOUR_MS)
    clock.setWall(clock.now() - 1000 * DAY_MS)
    await log('meanwhile', 2)
    clock.setWall(clock.now() + 1000 * DAY_MS)
    await clock.advance(20 * HOUR_MS)
    expect(await lines()).toEqual(['before', 'meanwhile'])
    await clock.advance(2 * DAY_MS)
    expect(await lines()).toEqual([])
  })

  it('in its first hour what is too old by a clock that may be wrong yet', async () => {
    const rootDir = temporaryDir()
    const clock = new FakeClock()
    const first = storeFixture({ rootDir, clock, maxAgeMs: DAY_MS })
    write((await first.open()).stdoutPath, 'from before\n')
    await first.stored(1)
    await first.store.close()
    clock.setWall(clock.now() + 1000 * DAY_MS)
    const { lines } = storeFixture({ rootDir, clock, maxAgeMs: DAY_MS })
    await clock.advance(HOUR_MS / 2)
    clock.setWall(clock.now() - 1000 * DAY_MS)
    await clock.advance(20 * HOUR_MS)
    expect(await lines()).toEqual(['from before'])
    await clock.advance(5 * HOUR_MS)
    expect(await lines()).toEqual([])
  })
})

describe('LogStore removes', () => {
  it('one version, and of the app what is left when it was the last', async () => {
    const { store, open, lines, rootDir } = storeFixture()
    for (const key of [KEY, OTHER]) {
      write((await open(key)).stdoutPath, `${key.version}\n`)
      await store.finish(key)
    }
    await store.remove('hello', '1.0.0')
    expect(await lines()).toEqual(['1.1.0'])
    await store.remove('hello', '1.1.0')
    expect(existsSync(join(rootDir, 'hello'))).toBe(false)
    await store.remove('hello', '1.1.0')
  })

  it('all versions of an app', async () => {
    const { store, open, lines, rootDir } = storeFixture()
    await open(KEY)
    await open(OTHER)
    await store.remove('hello')
    expect(await lines()).toEqual([])
    expect(existsSync(join(rootDir, 'hello'))).toBe(false)
  })

  it('what was written, overwritten first when that is asked for', async () => {
    const { store, open, stored, rootDir } = storeFixture()
    const { stdoutPath } = await open()
    write(stdoutPath, 'a secret line\nand half of ')
    await stored(1)
    const dir = join(rootDir, KEY.app, KEY.version)
    const kept = filesBelow(dir).map((path) => openSync(path, 'r'))
    expect(kept.map((file) => readFileSync(file, 'latin1')).join('')).toMatch(/secret.*half/s)
    await store.remove(KEY.app, KEY.version, { overwrite: true })
    expect(existsSync(dir)).toBe(false)
    for (const file of kept) {
      const content = Buffer.alloc(fstatSync(file).size, 'x')
      readSync(file, content, 0, content.length, 0)
      expect(content.every((byte) => byte === 0)).toBe(true)
      closeSync(file)
    }
  })

  it('for good, though somebody reads while its files are deleted', async () => {
    const { store, open, read, lines, stored, rootDir } = storeFixture()
    write((await open()).stdoutPath, 'first life\n')
    await stored(1)
    const files = { areGone: false }
    const removing = store.remove(KEY.app, KEY.version).finally(() => {
      files.areGone = true
    })
    while (!files.areGone) {
      await lines()
      await nextTurn()
    }
    await removing
    expect(existsSync(join(rootDir, KEY.app))).toBe(false)
    write((await open()).stdoutPath, 'second life\n')
    await stored(1)
    expect(await read()).toMatchObject([{ seq: 1, line: 'second life' }])
  })

  it('so that the same version can begin anew', async () => {
    const { store, open, read, stored } = storeFixture()
    write((await open()).stdoutPath, 'first life\n'.repeat(5))
    await stored(5)
    await store.remove(KEY.app, KEY.version)
    write((await open()).stdoutPath, 'second life\n')
    await stored(1)
    expect(await read({ after: { 'hello@1.0.0': 5 } })).toMatchObject([
      { seq: 1, line: 'second life' },
    ])
  })
})

describe('LogStore keeps to its directory', () => {
  it.each(['..', '../../etc', '', '.', 'a/b', 'a\0b', '-a'])('not looking for %j', async (name) => {
    const outside = temporaryDir()
    mkdirSync(join(outside, 'x', 'segments'), { recursive: true })
    const { store, lines } = storeFixture({ rootDir: join(outside, 'logs') })
    expect(await lines({ app: name })).toEqual([])
    expect(await lines({ version: name })).toEqual([])
    expect(store.dropped(name)).toEqual({})
    const refused = { code: 'INTERNAL' }
    await expect(
      store.open({ app: name, version: '1.0.0' }, { secrets: [] }),
    ).rejects.toMatchObject(refused)
    await expect(store.remove('hello', name)).rejects.toMatchObject(refused)
    expect(readdirSync(outside)).toEqual(['x'])
  })
})

describe('LogStore ends', () => {
  const segmentOf = (rootDir: string, { app, version }: typeof KEY): string =>
    join(rootDir, app, version, 'segments', '00000001.seg')

  it('all of it, and says which log the disk refused', async () => {
    const { store, open, stored, logger, rootDir } = storeFixture()
    const listener = { push: vi.fn(), forget: vi.fn(), end: vi.fn() }
    store.subscribe(listener)
    const { stdoutPath } = await open(KEY)
    for (const key of [KEY, OTHER]) write((await open(key)).stdoutPath, 'stored\n')
    await stored(2)
    breakOpenFile(segmentOf(rootDir, KEY))
    write(stdoutPath, 'refused\n')
    await store.close()
    expect(listener.end).toHaveBeenCalledOnce()
    expect(descriptorsOf(segmentOf(rootDir, OTHER))).toEqual([])
    const told = logger.lines.filter(({ event }) => event === 'log-close-failed')
    expect(told.map(({ fields }) => fields)).toMatchObject([
      { ...KEY, error: 'EBADF: bad file descriptor, fdatasync' },
      { ...KEY, error: 'EBADF: bad file descriptor, close' },
    ])
  })

  it('one that is removed although the disk refuses its last lines', async () => {
    const { store, open, stored, rootDir } = storeFixture()
    const { stdoutPath } = await open(KEY)
    write(stdoutPath, 'stored\n')
    await stored(1)
    breakOpenFile(segmentOf(rootDir, KEY))
    write(stdoutPath, 'refused\n')
    await store.remove(KEY.app)
    expect(existsSync(join(rootDir, KEY.app))).toBe(false)
  })
})
