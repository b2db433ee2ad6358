import { describe, expect, it } from 'vitest'
import { sourceDateMs } from './source-date.js'

describe('sourceDateMs', () => {
  it.each<[Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ SOURCE_DATE_EPOCH: '' }, undefined],
    [{ SOURCE_DATE_EPOCH: '0' }, 0],
    [{ SOURCE_DATE_EPOCH: '1700000000' }, 1_700_000_000_000],
    [{ SOURCE_DATE_EPOCH: '253402300799' }, Date.parse('9999-12-31T23:59:59Z')],
  ])('%o is %s', (env, ms) => {
    expect(sourceDateMs(env)).toBe(ms)
  })

  it.each(['yesterday', '1.5', '-1', '1e9', ' 1', '2026-01-31T12:00:00Z', '253402300800'])(
    'refuses "%s" with USAGE',
    (text) => {
      expect(() => sourceDateMs({ SOURCE_DATE_EPOCH: text })).toThrow(
        expect.objectContaining({
          code: 'USAGE',
          message: expect.stringMatching(/SOURCE_DATE_EPOCH/) as string,
        }),
      )
    },
  )
})
