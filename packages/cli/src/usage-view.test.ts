import type { NodeInfo, UsageFigure } from '@p2p-playground/core'
import { describe, expect, test } from 'vitest'
import { instanceUsageLines, nodeUsageLines, percent, sparkline } from './usage-view.js'

const MINUTE = 60_000

describe('sparkline', () => {
  const times = (count: number, everyMs: number): number[] =>
    Array.from({ length: count }, (_, index) => index * everyMs)

  test.each([
    { name: 'nothing', at: [], samples: [], full: 1, drawn: '' },
    { name: 'only gaps', at: times(2, MINUTE), samples: [null, null], full: 1, drawn: '' },
    { name: 'zero', at: [0], samples: [0], full: 1, drawn: '▁' },
    { name: 'full', at: [0], samples: [2], full: 2, drawn: '█' },
    { name: 'more than full', at: [0], samples: [9], full: 2, drawn: '█' },
    { name: 'zero of zero', at: [0], samples: [0], full: 0, drawn: '▁' },
    {
      name: 'a rise, two minutes a bar',
      at: times(8, 2 * MINUTE),
      samples: [0, 1, 2, 3, 4, 5, 6, 7],
      full: 8,
      drawn: '▁▂▃▄▅▆▇█',
    },
    {
      name: 'the peak of two minutes',
      at: times(3, MINUTE / 2),
      samples: [0, 1, 0],
      full: 1,
      drawn: '█',
    },
    { name: 'a gap', at: times(3, 2 * MINUTE), samples: [1, null, 1], full: 1, drawn: '█ █' },
    {
      name: 'an hour',
      at: times(361, 10_000),
      samples: Array(361).fill(1) as number[],
      full: 1,
      drawn: '█'.repeat(30),
    },
  ])('draws $name', ({ at, samples, full, drawn }) => {
    expect(sparkline(at, samples, full)).toBe(drawn)
  })
})

test.each([
  [0, 2, '0 %'],
  [0.001, 2, '0.1 %'],
  [0.19, 2, '9.5 %'],
  [1, 2, '50 %'],
  [3, 1, '300 %'],
])('%d of %d is %s', (part, whole, text) => {
  expect(percent(part, whole)).toBe(text)
})

const figure = (current: number | null, average = current, peak = current): UsageFigure => ({
  current,
  average,
  peak,
  samples: [],
})

const NODE = {
  resources: {
    cpus: 2,
    memoryTotalBytes: 4 * 1024 ** 3,
    memoryFreeBytes: 1024 ** 3,
    diskTotalBytes: 10 * 1024 ** 3,
    diskFreeBytes: 1024 ** 3,
    load1: 0.5,
  },
  usage: null,
} as unknown as NodeInfo

test('a node says what it uses of what it has', () => {
  const usage = {
    sampledAtMs: [],
    cpuCores: figure(1, 0.5, 2),
    memoryBytes: figure(1024 ** 3),
    diskBytes: figure(null),
    networkInBytesPerSecond: figure(1536, 512, 2048),
    networkOutBytesPerSecond: figure(0),
  }
  expect(nodeUsageLines({ ...NODE, usage })).toEqual([
    'cpu       50 % of 2 cores (average 25 %, peak 100 %), load 0.50',
    'memory    1.0 GiB of 4.0 GiB (average 1.0 GiB, peak 1.0 GiB)',
    'disk      not known',
    'network   in 1.5 KiB/s (average 512 B/s, peak 2.0 KiB/s)',
    '          out 0 B/s (average 0 B/s, peak 0 B/s)',
  ])
})

test('a node that has not measured says what is free', () => {
  expect(nodeUsageLines(NODE)).toEqual([
    'cpu       2 cores, load 0.50',
    'memory    1.0 GiB free of 4.0 GiB',
    'disk      1.0 GiB free of 10.0 GiB',
  ])
})

const instance = {
  sampledAtMs: [],
  cpuCores: figure(0.25, 0.1, 1.5),
  memoryBytes: figure(2048),
  diskBytes: figure(null, 4096, 4096),
  processes: figure(2, 1.4, 3),
  networkInBytesPerSecond: figure(null),
  networkOutBytesPerSecond: figure(null),
}

test('an instance says what it uses, and that its traffic is not measured', () => {
  expect(instanceUsageLines(instance)).toEqual([
    'cpu        25 % of a core (average 10 %, peak 150 %)',
    'memory     2.0 KiB (average 2.0 KiB, peak 2.0 KiB)',
    'disk       not known (average 4.0 KiB, peak 4.0 KiB)',
    'processes  2 (average 1, peak 3)',
    'network    not measured',
  ])
})

test('an instance whose traffic is counted says both directions', () => {
  const usage = {
    ...instance,
    networkInBytesPerSecond: figure(2048, 1024, 4096),
    networkOutBytesPerSecond: figure(0),
  }
  expect(instanceUsageLines(usage).slice(-2)).toEqual([
    'network    in 2.0 KiB/s (average 1.0 KiB/s, peak 4.0 KiB/s)',
    '           out 0 B/s (average 0 B/s, peak 0 B/s)',
  ])
})
