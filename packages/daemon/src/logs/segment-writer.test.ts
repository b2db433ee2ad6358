import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryDir } from './log-fixture.test.support.js'
import { SegmentWriter } from './segment-writer.js'

describe('SegmentWriter', () => {
  it.each<[string, (writer: SegmentWriter) => Promise<void>]>([
    ['sync', async (writer) => writer.sync()],
    [
      'syncNow',
      async (writer) => {
        writer.syncNow()
        return Promise.resolve()
      },
    ],
  ])('%s of a new file fails until its directory is synced as well', async (_, sync) => {
    const root = temporaryDir()
    const [dir, away] = [join(root, 'segments'), join(root, 'away')]
    mkdirSync(dir)
    const writer = new SegmentWriter(join(dir, '00000001.seg'), 0)
    onTestFinished(() => writer.close())
    writer.append(Buffer.from('frame'))
    renameSync(dir, away)
    for (let again = 0; again < 2; again += 1)
      await expect(async () => sync(writer)).rejects.toThrow('ENOENT')
    renameSync(away, dir)
    await sync(writer)
    // Nothing is left to do.
    renameSync(dir, away)
    await sync(writer)
  })

  it('says first why it could not write, then that it could not take back what it wrote', () => {
    const path = join(temporaryDir(), '00000001.seg')
    // It takes nothing and cannot be cut: both is refused.
    symlinkSync('/dev/full', path)
    const writer = new SegmentWriter(path, 0)
    onTestFinished(() => writer.close().catch(() => undefined))
    const refused = { code: 'ENOSPC', message: expect.stringMatching(/^ENOSPC.*EINVAL/) as string }
    expect(() => {
      writer.append(Buffer.from('frame'))
    }).toThrow(expect.objectContaining(refused) as Error)
  })

  it('goes on behind the last whole line of a file that has more', async () => {
    const path = join(temporaryDir(), '00000001.seg')
    writeFileSync(path, 'one\ntw')
    const writer = new SegmentWriter(path, 4)
    writer.append(Buffer.from('two\n'))
    await writer.close()
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
  })

  it('tells nobody that a line is on the disk before it is', async () => {
    const writer = new SegmentWriter(join(temporaryDir(), '00000001.seg'), 0)
    onTestFinished(() => writer.close())
    writer.append(Buffer.from('frame'))
    await writer.sync()
    const told: string[] = []
    const sync = async (who: string): Promise<void> => {
      writer.append(Buffer.from('frame'))
      await writer.sync()
      told.push(who)
    }
    await Promise.all([sync('first'), sync('second'), sync('third')])
    expect(told).toEqual(['first', 'second', 'third'])
  })
})
