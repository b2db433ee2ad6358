import { describe, expect, it } from 'vitest'
import { sinkErrorOfStatus } from './sink-error.js'

const NOW = Date.UTC(2026, 0, 1)

describe('sinkErrorOfStatus', () => {
  it.each([
    [400, 'SINK_REFUSED'],
    [404, 'SINK_DENIED'],
    [413, 'SINK_REFUSED'],
    [422, 'SINK_REFUSED'],
    [401, 'SINK_DENIED'],
    [403, 'SINK_DENIED'],
    [302, 'SINK_DENIED'],
    [408, 'SINK_UNAVAILABLE'],
    [429, 'SINK_UNAVAILABLE'],
    [500, 'SINK_UNAVAILABLE'],
    [503, 'SINK_UNAVAILABLE'],
  ])('makes of %i the code %s', (status, code) => {
    expect(sinkErrorOfStatus({ status, reason: 'because', nowMs: NOW })).toMatchObject({
      code,
      message: `the far side answered ${String(status)}: because`,
      details: {},
    })
  })

  it.each([
    ['2', 2000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('reads Retry-After "%s"', (retryAfter, retryAfterMs) => {
    const { details } = sinkErrorOfStatus({ status: 429, retryAfter, reason: '', nowMs: NOW })
    expect(details).toEqual(retryAfterMs === undefined ? {} : { retryAfterMs })
  })
})
