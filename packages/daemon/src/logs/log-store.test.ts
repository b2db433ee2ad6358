import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '@p2p-playground/core'
import { describe, expect, it, vi } from 'vitest'
import { KEY, storeFixture, temporaryDir, write } from './log-fixture.test.support.js'

/** The paths of all files below a directory. */
function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

const OTHER = { app: 'hello', version: '1.1.0' }

describe('LogStore collects', () => {
  it('lines of both streams, numbered together from one', async () => {
    const { open, read, stored } = storeFixture()
    const log = await open()
    write(log.stdoutPath, 'one\ntwo\n')
    await stored(2)
    write(log.stderrPath, 'three\n')
    await stored(3)
    const common = { node: 'node-1', ...KEY }
    expect(await read()).toMatchObject([
      { ...common, stream: 'stdout', seq: 1, line: 'one' },
      { ...common, stream: 'stdout', seq: 2, line: 'two' },
      { ...common, stream: 'stderr', seq: 3, line: 'three' },
    ])
  })

  it('a last line without its end when the instance has ended, and not before', async () => {
    const { store, open, lines, stored } = storeFixture()
    const log = await open()
    write(log.stdoutPath, 'whole\nha')
    await stored(1)
    write(log.stdoutPath, 'lf')
    await store.finish(KEY)
    expect(await lines()).toEqual(['whole', 'half'])
  })

  it('one run after the other, and empties the raw files between them', async () => {
    const { store, open, read } = storeFixture()
    for (const run of ['first', 'second', 'third']) {
      const log = await open()
      write(log.stdoutPath, `${run}\n`)
      await store.finish(KEY)
      expect(statSync(log.stdoutPath).size).toBe(0)
    }
    expect((await read()).map(({ seq, line }) => [seq, line])).toEqual([
      [1, 'first'],
      [2, 'second'],
      [3, 'third'],
    ])
  })

  it('in one life of the log over restarts, and in another after it was removed', async () => {
    const first = storeFixture()
    write((await first.open()).stdoutPath, 'one\n')
    await first.stored(1)
    await first.store.close()
    const second = storeFixture({ rootDir: first.rootDir })
    write((await second.open()).stdoutPath, 'two\n')
    await second.stored(2)
    const [one, two] = await second.read()
    expect(one?.instance).toMatch(/^[0-9a-f]{12}$/)
    expect(two?.instance).toBe(one?.instance)
    await second.store.remove(KEY.app)
    write((await second.open()).stdoutPath, 'three\n')
    await second.stored(1)
    const [three] = await second.read()
    expect(three).toMatchObject({ seq: 1, line: 'three' })
    expect(three?.instance).not.toBe(one?.instance)
  })

  it('what was written while no daemon ran', async () => {
    const first = storeFixture()
    const log = await first.open()
    write(log.stdoutPath, 'before\n')
    await first.stored(1)
    await first.store.close()
    write(log.stdoutPath, 'meanwhile\n')
    const second = storeFixture({ rootDir: first.rootDir })
    expect(await second.open()).toEqual(log)
    write(log.stdoutPath, 'after\n')
    await second.stored(3)
    expect((await second.read()).map(({ seq, line }) => [seq, line])).toEqual([
      [1, 'before'],
      [2, 'meanwhile'],
      [3, 'after'],
    ])
  })

  it('on, when the raw file was emptied by hand', async () => {
    const { open, lines, logger } = storeFixture()
    const log = await open()
    write(log.stdoutPath, 'before, and rather long\n')
    await vi.waitFor(async () => {
      expect(await lines()).toHaveLength(1)
    })
    closeSync(openSync(log.stdoutPath, 'w'))
    await vi.waitFor(
      () => {
        expect(logger.count('log-raw-emptied')).toBe(1)
      },
      { timeout: 5000 },
    )
    write(log.stdoutPath, 'after\n')
    await vi.waitFor(async () => {
      expect(await lines()).toEqual(['before, and rather long', 'after'])
    })
  })

  it('with secrets and patterns taken out before the disk', async () => {
    const fixture = storeFixture({ redact: [/token=\w+/g] })
    const log = await fixture.open(KEY, ['hunter2'])
    write(log.stdoutPath, 'login hunter2 token=abc\n')
    await fixture.stored(1)
    expect(await fixture.lines()).toEqual(['login *** ***'])
    const dir = join(fixture.rootDir, 'hello', '1.0.0', 'segments')
    for (const name of readdirSync(dir)) {
      expect(readFileSync(join(dir, name), 'latin1')).not.toMatch(/hunter2|abc/)
    }
  })

  it('control characters as they are', async () => {
    const { open, lines, stored } = storeFixture()
    const log = await open()
    write(log.stdoutPath, '\x1b[31mred\x1b[0m\0\u009b\n')
    await stored(1)
    expect(await lines()).toEqual(['\x1b[31mred\x1b[0m\0\u009b'])
  })

  it('without its clock being trusted: the order is that of writing', async () => {
    let nowMs = 1_000_000
    const { open, read, stored } = storeFixture({ clock: { ...systemClock, now: () => nowMs } })
    const log = await open()
    for (const [index, step] of [0, 3_600_000, -7_200_000, 60_000].entries()) {
      nowMs += step
      write(log.stdoutPath, `${String(index)}\n`)
      await stored(index + 1)
    }
    expect((await read()).map(({ line }) => line)).toEqual(['0', '1', '2', '3'])
    expect((await read({ tail: 2 })).map(({ line }) => line)).toEqual(['2', '3'])
  })

  it('again when a directory in its way is gone, having lost nothing', async () => {
    const { store, open, lines, logger, rootDir } = storeFixture()
    const segments = join(rootDir, 'hello', '1.0.0', 'segments')
    const log = await open()
    // The first segment cannot be made: a directory has its name.
    mkdirSync(join(segments, '00000001.seg'))
    write(log.stdoutPath, 'one\n')
    await vi.waitFor(() => {
      expect(logger.count('log-collect-failed')).toBe(1)
    })
    write(log.stdoutPath, 'two\nhalf')
    await store.finish(KEY)
    expect(statSync(log.stdoutPath).size).toBe(12)
    rmdirSync(join(segments, '00000001.seg'))
    await open()
    await vi.waitFor(async () => {
      expect(await lines()).toEqual(['one', 'two'])
    })
    await store.finish(KEY)
    expect(await lines()).toEqual(['one', 'two', 'half'])
    expect(logger.count('log-collect-failed')).toBe(1)
    expect(logger.count('log-collect-recovered')).toBe(1)
  })

  it('in another life after somebody deleted its directory between two runs', async () => {
    const { store, open, read, stored, rootDir } = storeFixture()
    write((await open()).stdoutPath, 'first life\n')
    await store.finish(KEY)
    rmSync(join(rootDir, KEY.app), { recursive: true })
    write((await open()).stdoutPath, 'second life\n')
    await stored(1)
    expect(await read()).toMatchObject([{ seq: 1, line: 'second life' }])
  })

  it('what a process that outlived the instance writes, with the next run', async () => {
    const { store, open, lines } = storeFixture()
    const log = await open()
    const orphan = openSync(log.stdoutPath, 'a')
    writeSync(orphan, 'in time\n')
    await store.finish(KEY)
    writeSync(orphan, 'too late\n')
    closeSync(orphan)
    expect(await lines()).toEqual(['in time'])
    await open()
    await store.finish(KEY)
    expect(await lines()).toEqual(['in time', 'too late'])
  })
})

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
    let nowMs = 0
    const sleeps: (() => void)[] = []
    const clock = {
      ...systemClock,
      now: () => nowMs,
      sleep: (ms: number, signal?: AbortSignal): Promise<void> =>
        ms < 60_000
          ? systemClock.sleep(ms, signal)
          : new Promise((resolve) => {
              sleeps.push(resolve)
            }),
    }
    const { store, open, lines, stored, rootDir } = storeFixture({ clock, maxAgeMs: 1000 })
    for (const app of ['another', 'zebra']) spoil(join(rootDir, app, '1.0.0'))
    write((await open()).stdoutPath, 'old\n')
    await stored(1)
    nowMs = 2000
    for (const wake of sleeps.splice(0)) wake()
    await vi.waitFor(async () => {
      expect(await lines()).toEqual([])
    })
    expect(store.dropped('hello')).toEqual({ '1.0.0': 1 })
    write((await open()).stdoutPath, 'new\n')
    await stored(1)
  })
})

describe('LogStore gives back', () => {
  it('the space of raw output that is stored, while the app goes on, or says that it cannot', async () => {
    const { store, open, logger, read } = storeFixture()
    const { stdoutPath } = await open()
    const line = `${'x'.repeat(999)}\n`
    for (let part = 0; part < 12; part += 1) write(stdoutPath, line.repeat(1000))
    await vi.waitFor(
      () => {
        const { size, blocks } = statSync(stdoutPath)
        expect(size).toBe(12_000_000)
        if (logger.count('log-raw-not-freed') === 0) expect(blocks * 512).toBeLessThan(8_000_000)
      },
      { timeout: 10_000 },
    )
    write(stdoutPath, 'last\n')
    await store.finish(KEY)
    const [last] = await read({ tail: 1 })
    expect(last).toMatchObject({ seq: 12_001, line: 'last' })
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
