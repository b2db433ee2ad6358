import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
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
  temporaryDir,
  textsOf,
  whyNoAppendOnly,
  withFileLimit,
} from './log-fixture.test.support.js'
import type { Segments } from './segments.js'
import { FIRST, append, filled } from './segments.test.support.js'

const cannotKeep = whyNoAppendOnly('segments-damage.test')

describe('Segments that are damaged, or that the disk refuses', () => {
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
})
