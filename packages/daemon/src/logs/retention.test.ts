import { RecordingLogger } from '@p2p-playground/testkit'
import { describe, expect, it } from 'vitest'
import { chooseDrop, retain } from './retention.js'
import type { RetainedLog, RetentionLimits } from './retention.js'
import type { Segment } from './segments.js'

const limitsAt = (nowMs: number): RetentionLimits => ({
  maxBytes: 100,
  maxUnshippedBytes: 200,
  isTooOld: (timeMs) => nowMs - timeMs > 1000,
})

/** [size, newest time] of each segment; null: without lines. Each holds ten lines. */
type Row = [sizeBytes: number, maxMs: number | null]

function logOf(version: string, rows: readonly Row[], neededFrom = Infinity): RetainedLog {
  const segments = rows.map(([sizeBytes, maxMs], index): Segment => {
    const range = maxMs === null ? null : { minMs: maxMs - 1, maxMs }
    return { path: '', number: index + 1, sizeBytes, firstSeq: index * 10 + 1, range }
  })
  return {
    version,
    neededFrom,
    nextSeq: rows.length * 10 + 1,
    get droppedLines() {
      return (segments[0]?.firstSeq ?? 1) - 1
    },
    list: () => segments,
    dropOldest: () => {
      if (segments.length === 1) {
        segments.push({ path: '', number: 9, sizeBytes: 1, firstSeq: 11, range: null })
      }
      segments.shift()
    },
  }
}

describe('chooseDrop', () => {
  it.each<[string, Record<string, Row[]>, number, string | undefined]>([
    ['nothing at all', {}, 0, undefined],
    [
      'what is within both limits',
      {
        a: [
          [50, 900],
          [50, 1000],
        ],
      },
      1500,
      undefined,
    ],
    [
      'the oldest of what is too much',
      {
        a: [
          [60, 900],
          [60, 1000],
        ],
      },
      1000,
      'a',
    ],
    ['the newest lines of all, whatever their size', { a: [[300, 900]] }, 1000, undefined],
    [
      'the newest lines of all, when a segment without lines follows',
      {
        a: [
          [300, 900],
          [1, null],
        ],
      },
      1000,
      undefined,
    ],
    [
      'the only segment of a version when another has newer lines',
      { a: [[300, 900]], b: [[60, 901]] },
      1000,
      'a',
    ],
    ['the newest lines of all, when they are too old', { a: [[300, 900]] }, 1901, 'a'],
    ['the oldest of several versions', { a: [[60, 900]], b: [[60, 800]] }, 1000, 'b'],
    [
      'what is too old, though little',
      {
        a: [
          [1, 100],
          [1, 2000],
        ],
      },
      2000,
      'a',
    ],
    ['the only segment, when too old', { a: [[1, 100]] }, 2000, 'a'],
    ['never an empty one that holds the cursor', { a: [[1, null]] }, 9999, undefined],
    [
      'one without sound lines before others',
      {
        a: [
          [90, null],
          [20, 1000],
        ],
      },
      1000,
      'a',
    ],
  ])('chooses %s', (_, versions, nowMs, expected) => {
    const logs = Object.entries(versions).map(([version, rows]) => logOf(version, rows))
    expect(chooseDrop(logs, limitsAt(nowMs))?.version).toBe(expected)
  })
})

it('chooses what is too old by a clock that was set back meanwhile', () => {
  const logs = [logOf('a', [[10, 1500]]), logOf('b', [[10, 9000]])]
  const limits = { ...limitsAt(2000), isTooOld: (timeMs: number) => timeMs > 8000 }
  expect(chooseDrop(logs, limits)?.version).toBe('b')
})

describe('what a log sink needs', () => {
  // Ten lines a segment; the first that is needed.
  it.each<[string, Row[], number, string | undefined]>([
    [
      'is spared while it is too much',
      [
        [60, 900],
        [60, 1000],
      ],
      1,
      undefined,
    ],
    [
      'is spared while it is too old',
      [
        [10, 1],
        [10, 2],
      ],
      5,
      undefined,
    ],
    [
      'is spared from its first line on',
      [
        [60, 900],
        [60, 1000],
      ],
      10,
      undefined,
    ],
    [
      'does not spare what is before it',
      [
        [60, 900],
        [60, 1000],
      ],
      11,
      'a',
    ],
    [
      'goes when it is far too much',
      [
        [90, 900],
        [90, 950],
        [90, 1000],
      ],
      1,
      'a',
    ],
    ['spares nothing when all is shipped', [[10, 1]], 11, 'a'],
    ['spares the only segment while it has a line of it', [[10, 1]], 10, undefined],
  ])('%s', (_, rows, neededFrom, expected) => {
    expect(chooseDrop([logOf('a', rows, neededFrom)], limitsAt(2000))?.version).toBe(expected)
  })

  it('of one version lets another give up its own, though that is newer', () => {
    const needed = logOf('a', [[60, 100]], 1)
    const free = logOf('b', [
      [60, 500],
      [10, 900],
    ])
    expect(chooseDrop([needed, free], limitsAt(1000))?.version).toBe('b')
  })

  it('is told of when it goes', () => {
    const logger = new RecordingLogger()
    const rows: Row[] = [
      [90, 900],
      [90, 950],
      [90, 1000],
    ]
    retain('hello', [logOf('a', rows, 4)], { limits: limitsAt(1000), logger })
    expect(logger.lines).toMatchObject([
      { event: 'log-lines-dropped', fields: { version: 'a', lines: 10, unshipped: 7 } },
    ])
  })
})

describe('retain', () => {
  it('drops until the limits hold, and says how many lines of which version', () => {
    const logger = new RecordingLogger()
    const a = logOf('1.0.0', [
      [60, 100],
      [60, 200],
      [60, 900],
    ])
    const b = logOf('2.0.0', [[40, 950]])
    retain('hello', [a, b], { limits: limitsAt(1000), logger })
    expect(a.list().map(({ sizeBytes }) => sizeBytes)).toEqual([60])
    expect(logger.lines).toEqual([
      {
        level: 'info',
        event: 'log-lines-dropped',
        fields: { app: 'hello', version: '1.0.0', lines: 20, droppedLines: 20 },
      },
    ])
  })
})
