import { expect, it } from 'vitest'
import { pauseDelayMs, retryDelayMs } from './retry-delay.js'

it.each([
  [1, 0, undefined, 0],
  [1, 0.5, undefined, 250],
  [3, 0.5, undefined, 1000],
  [7, 0.5, undefined, 16_000],
  [8, 0.5, undefined, 30_000],
  [1000, 0.999, undefined, 59_940],
  [1, 0.5, 0, 250],
  [1, 0.5, 7000, 7000],
  [8, 0.5, 7000, 30_000],
  [1, 0.5, 86_400_000, 600_000],
])(
  'after %i failures with %d, asked for %s, a retry waits %i ms',
  (failures, random, askedMs, ms) => {
    expect(retryDelayMs(failures, { askedMs, random: () => random })).toBe(ms)
  },
)

it.each([
  [1, 0, 15_000],
  [1, 0.5, 22_500],
  [2, 0.5, 45_000],
  [6, 0, 300_000],
  [1000, 0.999, 599_700],
])('after %i denials with %d, a pause lasts %i ms', (failures, random, ms) => {
  expect(pauseDelayMs(failures, { random: () => random })).toBeCloseTo(ms)
})
