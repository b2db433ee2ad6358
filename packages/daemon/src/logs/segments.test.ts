import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { RecordingLogger } from '@p2p-playground/testkit'
import { describe, expect, it } from 'vitest'
import {
  breakOpenFile,
  makeAppendOnly,
  openSegments,
  storedLines,
  temporaryDir,
  textsOf,
  whyNoAppendOnly,
  withFileLimit,
} from './log-fixture.test.support.js'
import type { Segments } from './segments.js'

const FIRST = '00000001.seg'

const cannotKeep = whyNoAppendOnly('segments.test')

function append(segments: Segments, texts: readonly string[], stdout = 0, timeMs = 1): void {
  const lines = storedLines(segments.nextSeq, texts, timeMs)
  segments.append({ offsets: { stdout, stderr: 0 }, lines })
}

/** Ten frames in segments that hold about three each. */
async function filled(dir: string): Promise<string[]> {
  const segments = openSegments(dir, { rollBytes: 400 })
  for (let index = 1; index <= 10; index += 1)
    append(segments, [`line ${String(index)}`], index, index)
  const texts = await textsOf(segments)
  await segments.close()
  return texts
}

describe('Segments', () => {
  it('begins at one, with nothing read', () => {
    const segments = openSegments(temporaryDir())
    expect(segments).toMatchObject({
      nextSeq: 1,
      droppedLines: 0,
      offsets: { stdout: 0, stderr: 0 },
    })
    expect(segments.list()).toEqual([])
  })

  it('goes on where it was closed', async () => {
    const dir = temporaryDir()
    const texts = await filled(dir)
    expect(texts).toHaveLength(10)
    expect(readdirSync(dir).length).toBeGreaterThan(2)
    const again = openSegments(dir)
    expect(again).toMatchObject({ nextSeq: 11, offsets: { stdout: 10, stderr: 0 } })
    expect(await textsOf(again)).toEqual(texts)
  })

  it('knows the numbers and times of each segment without reading it', async () => {
    const dir = temporaryDir()
    await filled(dir)
    const live = openSegments(dir)
    const frames = await Promise.all(live.list().map((segment) => live.read(segment)))
    expect(frames.length).toBeGreaterThan(2)
    for (const [index, { firstSeq, range }] of live.list().entries()) {
      const lines = frames[index]?.flatMap((frame) => frame.lines()) ?? []
      expect(firstSeq).toBe(lines[0]?.seq)
      expect(range).toEqual({ minMs: lines[0]?.timeMs, maxMs: lines.at(-1)?.timeMs })
    }
  })

  it('cuts a torn end off, wherever it was torn, and goes on behind the last whole frame', async () => {
    const source = temporaryDir()
    const segments = openSegments(source)
    append(segments, ['one', 'two'], 8)
    const whole = segments.list()[0]?.sizeBytes ?? 0
    append(segments, ['three', 'four'], 19)
    const total = segments.list()[0]?.sizeBytes ?? 0
    const root = temporaryDir()
    for (let length = whole; length < total; length += 1) {
      const dir = join(root, String(length))
      mkdirSync(dir)
      writeFileSync(join(dir, FIRST), readFileSync(join(source, FIRST)).subarray(0, length))
      const again = openSegments(dir)
      expect(again).toMatchObject({ nextSeq: 3, offsets: { stdout: 8, stderr: 0 } })
      expect(statSync(join(dir, FIRST)).size).toBe(whole)
      append(again, ['three'], 14)
      expect(await textsOf(again)).toEqual(['one', 'two', 'three'])
    }
  })

  it('takes a segment whose beginning was torn for none', async () => {
    const dir = temporaryDir()
    await filled(dir)
    const next = join(dir, '00000099.seg')
    writeFileSync(next, readFileSync(join(dir, FIRST)).subarray(0, 20))
    const again = openSegments(dir)
    expect(again).toMatchObject({ nextSeq: 11, offsets: { stdout: 10, stderr: 0 } })
    expect(readdirSync(dir)).not.toContain('00000099.seg')
  })

  it('passes over damage within a segment, and says once how many lines it took', async () => {
    const dir = temporaryDir()
    const segments = openSegments(dir)
    append(segments, ['one', 'two'], 8)
    const from = segments.list()[0]?.sizeBytes ?? 0
    append(segments, ['three', 'four', 'five'], 24)
    const to = segments.list()[0]?.sizeBytes ?? 0
    append(segments, ['six'], 28)
    const sound = readFileSync(join(dir, FIRST))
    for (let at = from; at < to; at += 1) {
      const logger = new RecordingLogger()
      const bytes = Buffer.from(sound)
      bytes[at] = (bytes[at] ?? 0) ^ 0xff
      writeFileSync(join(dir, FIRST), bytes)
      const again = openSegments(dir, { logger })
      expect(await textsOf(again)).toEqual(['one', 'two', 'six'])
      expect(await textsOf(again)).toEqual(['one', 'two', 'six'])
      expect(again).toMatchObject({ nextSeq: 7, offsets: { stdout: 28, stderr: 0 } })
      const fields = { damagedBytes: to - from, missingLines: 3 }
      expect(logger.lines).toMatchObject([{ event: 'log-segment-damaged', fields }])
    }
  })

  it('does without a header that is damaged', async () => {
    const dir = temporaryDir()
    const texts = await filled(dir)
    for (const name of readdirSync(dir)) {
      const bytes = readFileSync(join(dir, name))
      bytes[20] = (bytes[20] ?? 0) ^ 0xff
      writeFileSync(join(dir, name), bytes)
    }
    const again = openSegments(dir)
    expect(again).toMatchObject({ nextSeq: 11, offsets: { stdout: 10, stderr: 0 } })
    expect(await textsOf(again)).toEqual(texts)
    expect(again.list().map(({ firstSeq }) => firstSeq)[0]).toBe(1)
  })

  it('counts what is dropped, also after it was closed, and keeps the cursor when all is', async () => {
    const dir = temporaryDir()
    await filled(dir)
    const segments = openSegments(dir)
    const second = segments.list()[1]?.firstSeq ?? 0
    segments.dropOldest()
    expect(segments.droppedLines).toBe(second - 1)
    await segments.close()
    const again = openSegments(dir)
    expect(again.droppedLines).toBe(second - 1)
    while (again.list().some(({ range }) => range !== null)) again.dropOldest()
    await again.close()
    const empty = openSegments(dir)
    expect(empty).toMatchObject({
      droppedLines: 10,
      nextSeq: 11,
      offsets: { stdout: 10, stderr: 0 },
    })
    append(empty, ['line 11'], 11)
    expect(await textsOf(empty)).toEqual(['line 11'])
  })

  it.each(['its only segment', 'the last but one'])(
    'drops %s only when the next has the cursor on the disk',
    async (which) => {
      const dir = temporaryDir()
      const segments = openSegments(dir, { rollBytes: 400 })
      // A device takes frames, and cannot be synced.
      symlinkSync('/dev/zero', join(dir, '00000002.seg'))
      append(segments, ['one'], 4)
      if (which !== 'its only segment') append(segments, ['x'.repeat(400)], 405)
      for (let again = 0; again < 2; again += 1)
        expect(() => {
          segments.dropOldest()
        }).toThrow('EINVAL')
      expect(existsSync(join(dir, FIRST))).toBe(true)
      await segments.close()
      rmSync(join(dir, '00000002.seg'))
      const again = openSegments(dir)
      expect(again).toMatchObject({ nextSeq: 2, offsets: { stdout: 4, stderr: 0 } })
    },
  )

  it('reads none of a segment that was dropped meanwhile', async () => {
    const dir = temporaryDir()
    await filled(dir)
    const segments = openSegments(dir)
    const [oldest] = segments.list()
    if (oldest === undefined) throw new Error('there is no segment')
    segments.dropOldest()
    await expect(segments.read(oldest)).resolves.toEqual([])
  })

  it.each<[string, (segments: Segments) => Promise<void>]>([
    [
      'dropped',
      async (segments) => {
        segments.dropOldest()
        await nextTurn()
      },
    ],
    ['closed', (segments) => segments.close()],
  ])('logs what the disk says to a file that is %s', async (_, end) => {
    const dir = temporaryDir()
    const logger = new RecordingLogger()
    const segments = openSegments(dir, { logger })
    // The number for the next file, which must not be the one that was broken.
    const spare = openSync(dir, 'r')
    append(segments, ['one'], 4)
    const path = join(dir, FIRST)
    breakOpenFile(path)
    closeSync(spare)
    await end(segments)
    const fields = { path, error: 'EBADF: bad file descriptor, close' }
    expect(logger.lines).toEqual([{ level: 'error', event: 'log-close-failed', fields }])
  })

  it('says what is on the disk only when it is', async () => {
    const segments = openSegments(temporaryDir())
    append(segments, ['one'], 4)
    expect(segments.syncedOffsets.stdout).toBe(0)
    await segments.sync()
    expect(segments.syncedOffsets.stdout).toBe(4)
    append(segments, ['two'], 8)
    const syncing = segments.sync()
    segments.resetOffsets()
    await syncing
    expect(segments.syncedOffsets.stdout).toBe(0)
  })

  it('stores a frame whole or not at all when the disk refuses', async () => {
    const dir = temporaryDir()
    const segments = openSegments(dir)
    append(segments, ['one'], 4)
    const before = segments.list()[0]?.sizeBytes
    withFileLimit(2000, () => {
      expect(() => {
        append(segments, ['x'.repeat(5000)], 5005)
      }).toThrow(/^EFBIG[^;]*$/)
    })
    expect(statSync(join(dir, FIRST)).size).toBe(before)
    expect(segments).toMatchObject({ nextSeq: 2, offsets: { stdout: 4, stderr: 0 } })
    append(segments, ['two'], 8)
    expect(await textsOf(segments)).toEqual(['one', 'two'])
  })

  it.skipIf(cannotKeep !== undefined)(
    'glues nothing to a torn end that cannot be taken back, and says both',
    async () => {
      const dir = temporaryDir()
      const segments = openSegments(dir)
      append(segments, ['one'], 4)
      const allow = makeAppendOnly(join(dir, FIRST))
      withFileLimit(2000, () => {
        expect(() => {
          append(segments, ['x'.repeat(5000)], 5005)
        }).toThrow(/^EFBIG.*EPERM/)
      })
      expect(() => {
        append(segments, ['two'], 8)
      }).toThrow(/EPERM/)
      expect(segments).toMatchObject({ nextSeq: 2, offsets: { stdout: 4, stderr: 0 } })
      allow()
      append(segments, ['two'], 8)
      expect(await textsOf(segments)).toEqual(['one', 'two'])
      await segments.close()
      const logger = new RecordingLogger()
      const again = openSegments(dir, { logger })
      expect(again).toMatchObject({ nextSeq: 3, offsets: { stdout: 8, stderr: 0 } })
      expect(await textsOf(again)).toEqual(['one', 'two'])
      expect(logger.lines).toEqual([])
    },
  )

  it.skipIf(cannotKeep !== undefined)(
    'says why a segment cannot be begun, though its file cannot be removed',
    async () => {
      const dir = temporaryDir()
      const segments = openSegments(dir)
      makeAppendOnly(dir)
      withFileLimit(10, () => {
        expect(() => {
          append(segments, ['one'], 4)
        }).toThrow(/^EFBIG[^;]*$/)
      })
      append(segments, ['one'], 4)
      expect(await textsOf(segments)).toEqual(['one'])
    },
  )

  it('reads what another process has written up to its end', async () => {
    const dir = temporaryDir()
    await filled(dir)
    const copy = temporaryDir()
    for (const name of readdirSync(dir)) copyFileSync(join(dir, name), join(copy, name))
    expect(await textsOf(openSegments(copy))).toHaveLength(10)
  })
})
