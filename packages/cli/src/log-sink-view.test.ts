import type { LogSinkStatus } from '@p2p-playground/core'
import { expect, test } from 'vitest'
import { logSinkLines } from './log-sink-view.js'

const FINE: LogSinkStatus = {
  ...{ name: 'loki', kinds: ['app'], state: 'ok', sinceMs: null, reason: null, nextTryMs: null },
  ...{ lagLines: 0, oldestMs: null, shippedLines: 1, shippedBytes: 2048 },
  ...{ retries: 0, deadLines: 0, lostLines: 0 },
}

test('a sink that has all says so, without what is zero', () => {
  expect(logSinkLines([])).toEqual([])
  expect(logSinkLines([FINE])).toEqual([
    'sink      loki: ok, nothing waits, 1 line (2.0 KiB) shipped',
  ])
})

test('a sink in trouble says why and since when, what waits and what it cost', () => {
  const nowMs = Date.now()
  const [line] = logSinkLines([
    {
      ...{
        ...FINE,
        name: 's3',
        state: 'paused',
        sinceMs: nowMs - 3_600_000,
        reason: 'no\u001b[31m',
      },
      ...{ nextTryMs: nowMs + 90_000, lagLines: 12, oldestMs: nowMs - 7_200_000 },
      ...{ retries: 4, deadLines: 2, lostLines: 1 },
    },
  ])
  expect(line).toMatch(
    /^sink {6}s3: paused for 1h \(no\\x1b\[31m, next try in (1m30s|1m29s)\), 12 lines wait, the oldest for 2h, /,
  )
  expect(line).toMatch(/ shipped, 4 retries, 2 lines refused, 1 line lost$/)
})
