import { describe, expect, it } from 'vitest'
import { Series } from './series.js'

function filled(values: readonly (number | null)[]): Series<'x'> {
  const series = new Series(['x'] as const, 4)
  for (const [index, x] of values.entries()) series.add(index * 10, { x })
  return series
}

describe('Series', () => {
  it.each([
    ['nothing', [], { current: null, average: null, peak: null, samples: [] }],
    ['one', [3], { current: 3, average: 3, peak: 3, samples: [3] }],
    ['several', [1, 5, 3], { current: 3, average: 3, peak: 5, samples: [1, 5, 3] }],
    ['a gap', [1, null, 3], { current: 3, average: 2, peak: 3, samples: [1, null, 3] }],
    ['a gap at the end', [2, null], { current: null, average: 2, peak: 2, samples: [2, null] }],
    ['only gaps', [null], { current: null, average: null, peak: null, samples: [null] }],
    ['zeros', [0, 0], { current: 0, average: 0, peak: 0, samples: [0, 0] }],
  ])('tells current, average and peak of %s', (_what, values, figure) => {
    expect(filled(values).figure('x', 0, 0)).toEqual(figure)
  })

  it('keeps the newest rows, as many as it has room for', () => {
    const series = filled([9, 1, 2, 3, 4, 5])
    expect(series.figure('x', 0, 0)).toMatchObject({ peak: 5, samples: [2, 3, 4, 5] })
    expect(series.times(0)).toEqual([20, 30, 40, 50])
  })

  it('leaves out what is too old, and calls nothing old current', () => {
    const series = filled([9, 1, 2])
    expect(series.figure('x', 10, 0)).toMatchObject({ current: 2, peak: 2, samples: [1, 2] })
    expect(series.times(10)).toEqual([10, 20])
    expect(series.figure('x', 0, 21).current).toBeNull()
    expect(series.figure('x', 100, 100)).toMatchObject({ current: null, average: null })
  })
})
