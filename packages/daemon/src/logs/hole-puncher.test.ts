import { statSync, writeFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HolePuncher } from './hole-puncher.js'
import { recordingLogger, temporaryDir } from './log-fixture.test.support.js'

const MIB = 1024 * 1024

describe('HolePuncher', () => {
  it('gives the blocks back and leaves the rest and the size as they are, or says that it cannot', async () => {
    const path = join(temporaryDir(), 'raw')
    writeFileSync(path, Buffer.alloc(10 * MIB, 'x'))
    const logger = recordingLogger()
    const end = await new HolePuncher({ logger }).punch(path, 0, 9 * MIB + 100)
    expect(statSync(path).size).toBe(10 * MIB)
    if (logger.count('log-raw-not-freed') === 1) return
    expect(end).toBe(9 * MIB)
    expect(statSync(path).blocks * 512).toBeLessThan(2 * MIB)
    expect(readFileSync(path).subarray(end)).toEqual(Buffer.alloc(MIB, 'x'))
  })

  it('does nothing for little', async () => {
    const logger = recordingLogger()
    const puncher = new HolePuncher({ logger, program: '/nowhere/fallocate' })
    expect(await puncher.punch('/nowhere/raw', MIB, 2 * MIB)).toBe(MIB)
    expect(logger.said).toEqual([])
  })

  it('says once that it cannot, and tries no more', async () => {
    const logger = recordingLogger()
    const puncher = new HolePuncher({ logger, program: '/nowhere/fallocate' })
    const ends = [1, 2, 3].map((index) => puncher.punch('/nowhere/raw', 0, index * 100 * MIB))
    expect(await Promise.all(ends)).toEqual([0, 0, 0])
    expect(await puncher.punch('/nowhere/raw', 0, 100 * MIB)).toBe(0)
    expect(logger.said.map(({ event }) => event)).toEqual(['log-raw-not-freed'])
  })
})
