import { FakeClock } from '@p2p-playground/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AgeLimit } from './age-limit.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MAX_AGE_MS = 7 * DAY_MS

describe('AgeLimit', () => {
  it('goes by the wall clock while nobody sets it', async () => {
    const clock = new FakeClock()
    const limit = new AgeLimit({ clock, maxAgeMs: MAX_AGE_MS })
    await clock.advance(HOUR_MS)
    expect(limit.isPast(clock.now() - MAX_AGE_MS)).toBe(false)
    expect(limit.isPast(clock.now() - MAX_AGE_MS - 1)).toBe(true)
    expect(limit.isPast(clock.now())).toBe(false)
  })

  it('says nothing in the first hour', async () => {
    const clock = new FakeClock()
    const limit = new AgeLimit({ clock, maxAgeMs: MAX_AGE_MS })
    await clock.advance(HOUR_MS - 1)
    expect(limit.isPast(0)).toBe(false)
    await clock.advance(1)
    expect(limit.isPast(0)).toBe(true)
  })

  it('lets no clock that was set make anything too old before its time, nor keep it for good', async () => {
    const dayOrYears = fc.constantFrom(HOUR_MS, 5 * DAY_MS, 8 * DAY_MS, 20_000 * DAY_MS)
    const step = fc.record({
      passesMs: fc.integer({ min: 0, max: 3 * DAY_MS }),
      jumpsMs: fc.oneof(
        fc.constant(0),
        dayOrYears,
        dayOrYears.map((ms) => -ms),
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const clock = new FakeClock()
        const limit = new AgeLimit({ clock, maxAgeMs: MAX_AGE_MS })
        const stored: { readonly timeMs: number; readonly atMs: number }[] = []
        for (const { passesMs, jumpsMs } of steps) {
          stored.push({ timeMs: clock.now(), atMs: clock.monotonic() })
          limit.look()
          await clock.advance(passesMs)
          clock.setWall(clock.now() + jumpsMs)
          for (const { timeMs, atMs } of stored)
            if (clock.monotonic() - atMs <= MAX_AGE_MS) expect(limit.isPast(timeMs)).toBe(false)
        }
        let kept = stored
        for (let hour = 0; hour < (2.2 * MAX_AGE_MS) / HOUR_MS; hour += 1) {
          await clock.advance(HOUR_MS)
          kept = kept.filter(({ timeMs }) => !limit.isPast(timeMs))
        }
        expect(kept).toEqual([])
      }),
    )
  })
})
