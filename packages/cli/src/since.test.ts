import { expect, test } from 'vitest'
import { parseSince } from './since.js'

test('a time is that time', () => {
  expect(parseSince('--since', '2026-01-31T12:00:00Z')).toBe(Date.UTC(2026, 0, 31, 12))
  expect(parseSince('--since', '2026-01-31')).toBe(Date.UTC(2026, 0, 31))
})

test('a duration is that long ago', () => {
  const before = Date.now()
  const since = parseSince('--since', '1h30m') ?? 0
  expect(since).toBeGreaterThanOrEqual(before - 5_400_000)
  expect(since).toBeLessThanOrEqual(Date.now() - 5_400_000)
})

test('nothing stays nothing', () => {
  expect(parseSince('--since', undefined)).toBeUndefined()
})

test.each(['10', 'yesterday', '2026-13-45', '-5m', ''])('"%s" is a usage error', (text) => {
  expect(() => parseSince('--since', text)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: `--since: "${text}" is neither a duration nor a time`,
    }),
  )
})
