import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import type { Clock } from '@p2p-playground/core'
import { describe, expect, it, vi } from 'vitest'
import { KEY, storeFixture, temporaryDir, write } from './log-fixture.test.support.js'

/** The files below a directory that are deleted and that this process still has open. */
function openDeleted(dir: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(dir) && path.endsWith(' (deleted)') ? [path] : []
    } catch {
      // The one by which the directory was read.
      return []
    }
  })
}

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

  it('on, after a look that failed, also what the file system does not tell of', async () => {
    let isBroken = false
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 20), signal),
      monotonic: () => {
        if (isBroken) throw new Error('there is no time')
        return systemClock.monotonic()
      },
    }
    const { open, lines, stored, logger } = storeFixture({ clock })
    const log = await open()
    // What is written by another name of the file, nobody who watches its directory is told.
    const otherName = join(temporaryDir(), 'stdout')
    linkSync(log.stdoutPath, otherName)
    write(otherName, 'one\n')
    await stored(1)
    isBroken = true
    await vi.waitFor(() => {
      expect(logger.count('log-collect-failed')).toBe(1)
    })
    write(otherName, 'two\n')
    isBroken = false
    await stored(2)
    expect(await lines()).toEqual(['one', 'two'])
    expect(logger.count('log-collect-recovered')).toBe(1)
  })

  it('with secrets and patterns taken out before the disk', async () => {
    const fixture = storeFixture({ redact: [/token=\w+/g] })
    const log = await fixture.open(KEY, ['hunter2'])
    write(log.stdoutPath, 'login hunter2 token=abc\n')
    await fixture.stored(1)
    expect(await fixture.lines()).toEqual(['login *** ***'])
    const dir = join(fixture.rootDir, 'hello', '1.0.0', 'segments')
    const onDisk = readdirSync(dir).map((name) => readFileSync(join(dir, name), 'latin1'))
    expect(onDisk.join('')).toContain('login *** ***')
    expect(onDisk.join('')).not.toMatch(/hunter2|abc/)
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

  it.each<[string, string, string[]]>([
    ['its raw output', 'raw', ['before', 'last words', 'next life']],
    ['its whole log', '.', ['next life']],
  ])('to the end of a run of which somebody deleted %s', async (_, part, kept) => {
    const { store, open, lines, stored, rootDir } = storeFixture()
    const log = await open()
    const output = openSync(log.stdoutPath, 'a')
    writeSync(output, 'before\n')
    await stored(1)
    rmSync(join(rootDir, KEY.app, KEY.version, part), { recursive: true })
    writeSync(output, 'last words\n')
    closeSync(output)
    await store.finish(KEY)
    write((await open()).stdoutPath, 'next life\n')
    await store.finish(KEY)
    expect(await lines()).toEqual(kept)
    expect(openDeleted(rootDir)).toEqual([])
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
