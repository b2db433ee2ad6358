import type { RunHandle } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import { RunRate } from './run-rate.js'

function run(pid: number, startTicks = 1): RunHandle {
  return { runtime: 'fake', pid, startTicks, bootId: 'boot', data: {} }
}

/** `count` in thousandths. */
type Look = readonly [handle: RunHandle, count: number, atMs: number, previousMs?: number]

describe('RunRate', () => {
  it.each<[string, readonly Look[], readonly (number | null)[]]>([
    ['nothing to compare with', [[run(1), 500, 1000]], [null]],
    [
      'half of one a second',
      [
        [run(1), 500, 1000],
        [run(1), 5500, 11_000, 1000],
      ],
      [null, 0.5],
    ],
    [
      'more than one a second',
      [
        [run(1), 0, 0],
        [run(1), 30_000, 10_000, 0],
      ],
      [null, 3],
    ],
    ['a run that began since the last look', [[run(1), 2000, 11_000, 1000]], [0.2]],
    [
      'a restart: only the new run counts',
      [
        [run(1), 90_000, 1000],
        [run(2), 1000, 11_000, 1000],
        [run(2), 2000, 21_000, 11_000],
      ],
      [null, 0.1, 0.1],
    ],
    [
      'the same pid given out again',
      [
        [run(1, 5), 90_000, 1000],
        [run(1, 6), 1000, 11_000, 1000],
      ],
      [null, 0.1],
    ],
    [
      'a child that ended took its part along',
      [
        [run(1), 5000, 1000],
        [run(1), 1000, 11_000, 1000],
        [run(1), 2000, 21_000, 11_000],
      ],
      [null, 0, 0.1],
    ],
    [
      'a look that failed: the next one covers both',
      [
        [run(1), 0, 0],
        [run(1), NaN, 10_000, 0],
        [run(1), 4000, 20_000, 10_000],
      ],
      [null, null, 0.2],
    ],
    [
      'a first look that failed',
      [
        [run(1), NaN, 10_000, 0],
        [run(1), 4000, 20_000, 10_000],
        [run(1), 5000, 30_000, 20_000],
      ],
      [null, null, 0.1],
    ],
    [
      'two looks at one moment',
      [
        [run(1), 5, 1000],
        [run(1), 5, 1000, 1000],
      ],
      [null, null],
    ],
  ])('%s', (_what, looks, expected) => {
    const rate = new RunRate()
    const rates = looks.map(([handle, count, atMs, previousMs]) =>
      rate.look(handle, { count: count / 1000, atMs, previousMs }),
    )
    expect(rates).toEqual(expected)
  })
})
