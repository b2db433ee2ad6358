import { describe, expect, it } from 'vitest'
import { formatBytes, parseBytes } from './bytes.js'
import { formatDuration, parseDurationMs } from './duration.js'
import { formatExit } from './instance.js'
import { matchesLabels, parseLabelSelector } from './labels.js'

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1.5s', 1500],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms)
  })

  it.each(['', '10', '-5s', '5 s', '1h30', 'abc', '1y', '9'.repeat(400) + 'd', '999999999999d'])(
    '"%s" is none',
    (text) => {
      expect(() => parseDurationMs(text)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      )
    },
  )

  it.each([
    [250, '250ms'],
    [1500, '1.5s'],
    [10_000, '10s'],
    [59_990, '1m'],
    [600_000, '10m'],
    [5_400_000, '1h30m'],
    [90_061_000, '1d1h'],
  ])('%d ms are shown as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('sizes', () => {
  it.each([
    ['512', 512],
    ['100Mi', 104_857_600],
    ['1Gi', 1_073_741_824],
    ['10MB', 10_000_000],
    ['1.5Ki', 1536],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes)
  })

  it.each(['', '-1', '1X', 'Mi', '1 000'])('"%s" is none', (text) => {
    expect(() => parseBytes(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it.each([
    [512, '512 B'],
    [1536, '1.5 KiB'],
    [1_073_741_824, '1.0 GiB'],
  ])('%d bytes are shown as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('labels', () => {
  it.each([
    ['env=test', true],
    ['env==test', true],
    ['env!=test', false],
    ['env=test,region!=south', true],
    ['missing=x', false],
    ['missing!=x', true],
  ])('%s matches: %s', (selector, expected) => {
    expect(matchesLabels({ env: 'test', region: 'north' }, parseLabelSelector(selector))).toBe(
      expected,
    )
  })

  it.each(['', 'env', 'env=a b', '=x'])('"%s" is no selector', (text) => {
    expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})

it.each([
  [{ kind: 'exited', code: 3 } as const, 'exit 3'],
  [{ kind: 'signaled', signal: 'SIGKILL' } as const, 'killed by SIGKILL'],
  [{ kind: 'unknown', why: 'gone' } as const, 'gone'],
])('an end is shown as text: %o', (exit, text) => {
  expect(formatExit(exit)).toBe(text)
})
