import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_PARTS, entryTime } from './entry-time.js'

const T = 1_700_000_000_000
const nanosOf = (timeMs: number, seq: number, part = 0): bigint => {
  const { seconds, nanos } = entryTime({ timeMs, seq }, part)
  expect(nanos).toBeGreaterThanOrEqual(0)
  expect(nanos).toBeLessThan(1_000_000_000)
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
}

describe('entryTime', () => {
  it.each<[string, number, number, number, bigint]>([
    ['8 ns for each line', T, 3, 0, 24n],
    ['1 ns for each part', T, 3, 2, 26n],
    ['over the end of a millisecond', T, 125_001, 0, 1_000_008n],
    ['over the end of a second', T + 999, 125_000, 0, 1_000_000_000n],
    ['nothing after a cycle', T, 12_500_000, 7, 7n],
  ])('adds %s', (_name, timeMs, seq, part, nanos) => {
    expect(nanosOf(timeMs, seq, part)).toBe(BigInt(T) * 1_000_000n + nanos)
  })

  it('rises along a source, and keeps room for the parts of each line', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 200 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12_000_000 }), (waits, first) => {
        let timeMs = T
        let before = -1n
        waits.forEach((wait, index) => {
          timeMs += wait
          expect(nanosOf(timeMs, first + index)).toBeGreaterThan(before)
          before = nanosOf(timeMs, first + index, MAX_PARTS - 1)
        })
      }),
    )
  })

  it('never stamps two lines of one millisecond alike within a cycle', () => {
    const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 30_000_000 }), {
      minLength: 2,
      selector: (seq) => seq % 12_500_000,
    })
    fc.assert(
      fc.property(seqs, (all) => {
        expect(new Set(all.map((seq) => nanosOf(T, seq))).size).toBe(all.length)
      }),
    )
  })
})
