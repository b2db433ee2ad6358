import { copyFileSync, existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openSegments, temporaryDir, textsOf } from './log-fixture.test.support.js'
import { FIRST, append, filled } from './segments.test.support.js'

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

  it('reads what another process has written up to its end', async () => {
    const dir = temporaryDir()
    await filled(dir)
    const copy = temporaryDir()
    for (const name of readdirSync(dir)) copyFileSync(join(dir, name), join(copy, name))
    expect(await textsOf(openSegments(copy))).toHaveLength(10)
  })
})
