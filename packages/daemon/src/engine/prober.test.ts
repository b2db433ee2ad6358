import type { HealthResult } from '@p2p-playground/core'
import { FakeClock } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { probe } from './prober.js'
import type { ProbePlan } from './prober.js'

const PLAN: ProbePlan = { intervalMs: 1000, timeoutMs: 300, retries: 3, startPeriodMs: 0 }
const SICK: HealthResult = { healthy: false, detail: 'sick' }
const WELL: HealthResult = { healthy: true }

let clock: FakeClock
let stop: AbortController
let running: Promise<void>
let reports: string[]
let answer: HealthResult | Error | 'hang'
let asked: number
let isHeard: boolean

beforeEach(() => {
  clock = new FakeClock()
  stop = new AbortController()
  reports = []
  asked = 0
  isHeard = true
})

afterEach(async () => {
  stop.abort(new Error('end of test'))
  await running
})

function begin(plan: Partial<ProbePlan> = {}): void {
  const check = async (signal: AbortSignal): Promise<HealthResult> => {
    asked += 1
    if (answer === 'hang') {
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('aborted'))
        })
      })
    }
    if (answer instanceof Error) throw answer
    return Promise.resolve(answer)
  }
  const report = (healthy: boolean, detail: string): boolean => {
    reports.push(`${healthy ? 'healthy' : 'unhealthy'} ${detail}`.trim())
    return isHeard
  }
  running = probe({ plan: { ...PLAN, ...plan }, clock, check, report }, stop.signal)
}

describe('probe', () => {
  it('finds a quick app healthy at once, and says it once', async () => {
    answer = WELL
    begin()
    await clock.advance(20)
    expect(reports).toEqual(['healthy'])
    await clock.advance(5000)
    expect(reports).toEqual(['healthy'])
    expect(asked).toBe(6)
  })

  it('says again what was not heard', async () => {
    answer = WELL
    isHeard = false
    begin()
    await clock.advance(60)
    expect(reports.length).toBeGreaterThan(1)
    isHeard = true
    await clock.advance(1000)
    const said = reports.length
    await clock.advance(5000)
    expect(reports).toHaveLength(said)
  })

  it('asks often until the app answers, and does not count these failures', async () => {
    answer = SICK
    begin()
    await clock.advance(900)
    expect(asked).toBeGreaterThan(5)
    expect(reports).toEqual([])
    answer = WELL
    await clock.advance(1000)
    expect(reports).toEqual(['healthy'])
  })

  it('calls an app unhealthy after the configured failures in a row', async () => {
    answer = WELL
    begin()
    await clock.advance(20)
    answer = SICK
    await clock.advance(2000)
    expect(reports).toEqual(['healthy'])
    await clock.advance(1000)
    expect(reports).toEqual(['healthy', 'unhealthy sick'])
  })

  it('counts anew after a success', async () => {
    answer = WELL
    begin()
    await clock.advance(20)
    answer = SICK
    await clock.advance(2000)
    answer = WELL
    await clock.advance(1000)
    answer = SICK
    await clock.advance(2000)
    expect(reports).toEqual(['healthy'])
  })

  it('calls an app that never answers unhealthy, one failure an interval', async () => {
    answer = SICK
    begin()
    await clock.advance(2900)
    expect(reports).toEqual([])
    await clock.advance(1200)
    expect(reports).toEqual(['unhealthy sick'])
  })

  it('does not count failures within the start period', async () => {
    answer = SICK
    begin({ startPeriodMs: 10_000 })
    await clock.advance(10_000)
    expect(reports).toEqual([])
    await clock.advance(4000)
    expect(reports).toEqual(['unhealthy sick'])
  })

  it('says when an unhealthy app is well again', async () => {
    answer = SICK
    begin({ retries: 1 })
    await clock.advance(1500)
    answer = WELL
    await clock.advance(2000)
    expect(reports).toEqual(['unhealthy sick', 'healthy'])
  })

  it('takes a check that hangs for a failure at the time-out', async () => {
    answer = 'hang'
    begin({ retries: 1 })
    await clock.advance(2000)
    expect(reports).toEqual(['unhealthy no answer within 300ms'])
  })

  it('takes a check that throws for a failure', async () => {
    answer = new Error('broken plugin')
    begin({ retries: 1 })
    await clock.advance(2000)
    expect(reports).toEqual(['unhealthy broken plugin'])
  })

  it('asks no more once it is stopped', async () => {
    answer = WELL
    begin()
    await clock.advance(20)
    stop.abort()
    await clock.advance(10_000)
    expect(asked).toBe(1)
    expect(clock.sleeping).toBe(0)
  })
})
