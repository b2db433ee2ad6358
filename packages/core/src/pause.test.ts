import timers from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { pause } from './pause.js'
import { systemClock } from './system-clock.js'

const DAY_MS = 86_400_000
const warnings: Error[] = []
const onWarning = (warning: Error): void => {
  warnings.push(warning)
}

beforeEach(() => {
  process.on('warning', onWarning)
})

afterEach(() => {
  process.off('warning', onWarning)
  warnings.length = 0
  vi.restoreAllMocks()
})

it.each([
  ['a timer of Node can', 25 * DAY_MS],
  ['a number of milliseconds can', Infinity],
])('waits for longer than %s', async (_what, ms) => {
  const stop = new AbortController()
  const first = await Promise.race([
    systemClock.sleep(ms, stop.signal).then(() => 'the long one'),
    systemClock.sleep(20).then(() => 'the short one'),
  ]).finally(() => {
    stop.abort()
  })
  expect(first).toBe('the short one')
  expect(warnings).toEqual([])
})

it('waits in slices that are as long together', async () => {
  const slice = vi.spyOn(timers, 'setTimeout').mockResolvedValue(undefined)
  await pause(60 * DAY_MS)
  const slices = slice.mock.calls.map(([ms]) => ms ?? 0)
  expect(Math.max(...slices)).toBeLessThan(2 ** 31)
  expect(slices.reduce((sum, ms) => sum + ms)).toBe(60 * DAY_MS)
})

it('lets others go first even when there is nothing to wait for', async () => {
  let isOthersTurn = false
  setTimeout(() => {
    isOthersTurn = true
  }, 0)
  await pause(0)
  expect(isOthersTurn).toBe(true)
})

it.each([1, 60 * DAY_MS])('rejects with the reason of the abort (%s ms)', async (ms) => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const waiting = systemClock.sleep(ms, stop.signal)
  stop.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await expect(systemClock.sleep(ms, stop.signal)).rejects.toBe(reason)
})
