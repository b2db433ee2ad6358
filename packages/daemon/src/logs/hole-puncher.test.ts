import { statSync, writeFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HolePuncher } from './hole-puncher.js'
import { CountingLogger, temporaryDir } from './log-fixture.test.support.js'

const MIB = 1024 * 1024

describe('HolePuncher', () => {
  it('gives the blocks back and leaves the rest and the size as they are, or says that it cannot', async () => {
    const path = join(temporaryDir(), 'raw')
    writeFileSync(path, Buffer.alloc(10 * MIB, 'x'))
    const logger = new CountingLogger()
    const end = await new HolePuncher({ logger }).punch(path, 0, 9 * MIB + 100)
    expect(statSync(path).size).toBe(10 * MIB)
    if (logger.count('log-raw-not-freed') === 1) return
    expect(end).toBe(9 * MIB)
    expect(statSync(path).blocks * 512).toBeLessThan(2 * MIB)
    expect(readFileSync(path).subarray(end)).toEqual(Buffer.alloc(MIB, 'x'))
  })

  it('does nothing for little', async () => {
    const logger = new CountingLogger()
    const puncher = new HolePuncher({ logger, program: '/nowhere/fallocate' })
    expect(await puncher.punch('/nowhere/raw', MIB, 2 * MIB)).toBe(MIB)
    expect(logger.lines).toEqual([])
  })

  it('says once that it cannot, and tries no more', async () => {
    const logger = new CountingLogger()
    const puncher = new HolePuncher({ logger, program: '/nowhere/fallocate' })
    const ends = [1, 2, 3].map((index) => puncher.punch('/nowhere/raw', 0, index * 100 * MIB))
    expect(await Promise.all(ends)).toEqual([0, 0, 0])
    expect(await puncher.punch('/nowhere/raw', 0, 100 * MIB)).toBe(0)
    expect(logger.lines.map(({ event }) => event)).toEqual(['log-raw-not-freed'])
  })

  it.each([
    ['fallocate: fallocate failed: Operation not supported'],
    ['fallocate: fallocate failed: keep size mode is unsupported'],
    ['fallocate: unrecognized option: punch-hole'],
  ])('tries no more when its program says "%s"', async (text) => {
    const logger = new CountingLogger()
    const { program, calls } = failing(text)
    const puncher = new HolePuncher({ logger, program })
    for (let again = 0; again < 2; again += 1) await puncher.punch('/nowhere/raw', 0, 100 * MIB)
    expect(calls()).toBe(1)
    expect(logger.count('log-raw-not-freed')).toBe(1)
  })

  it('tries again after what may be otherwise the next time', async () => {
    const logger = new CountingLogger()
    const { program, heal } = failing('fallocate: cannot open raw: No such file or directory')
    const puncher = new HolePuncher({ logger, program })
    expect(await puncher.punch('raw', 0, 100 * MIB)).toBe(0)
    heal()
    expect(await puncher.punch('raw', 0, 100 * MIB)).toBe(100 * MIB)
    expect(logger.lines.map(({ event }) => event)).toEqual(['log-hole-failed'])
  })
})

/** A program that fails with that text until it is healed. */
function failing(text: string): {
  readonly program: string
  readonly calls: () => number
  readonly heal: () => void
} {
  const dir = temporaryDir()
  const program = join(dir, 'fallocate')
  const log = join(dir, 'calls')
  writeFileSync(program, `#!/bin/sh\necho >> ${log}\necho '${text}' >&2\nexit 1\n`, { mode: 0o755 })
  return {
    program,
    calls: () => readFileSync(log, 'utf8').length,
    heal: () => {
      writeFileSync(program, '#!/bin/sh\n')
    },
  }
}
