import { errorMessage, formatDuration } from '@p2p-playground/core'
import type { Clock, HealthChecker, HealthResult } from '@p2p-playground/core'

export interface ProbePlan {
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Failures in a row that make an instance unhealthy. */
  readonly retries: number
  /** Failures within that time after the start do not count. */
  readonly startPeriodMs: number
}

/** While an instance has not been healthy yet it is asked more often than every interval, beginning with this. */
const FIRST_PROBE_MS = 20

/**
 * Checks one instance until `signal` aborts, and reports each change: healthy after one success, unhealthy after
 * `retries` counted failures in a row. The early, quicker checks make a fresh instance ready as soon as it is, and their
 * failures do not count.
 */
export async function probe(
  options: {
    readonly plan: ProbePlan
    readonly clock: Clock
    readonly check: (signal: AbortSignal) => Promise<HealthResult>
    /** False: it was not heard, and is said again after the next check. */
    readonly report: (healthy: boolean, detail: string) => boolean
    /** Told every result, counted or not. */
    readonly observe?: (result: HealthResult) => void
  },
  signal: AbortSignal,
): Promise<void> {
  const { plan, clock } = options
  const startedMs = clock.monotonic()
  let countFromMs = startedMs + Math.max(plan.startPeriodMs, plan.intervalMs)
  let failures = 0
  let last: boolean | null = null
  let pauseMs = Math.min(FIRST_PROBE_MS, plan.intervalMs)
  for (;;) {
    try {
      await clock.sleep(pauseMs, signal)
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    const result = await checkOnce(options, signal)
    if (signal.aborted) return
    options.observe?.(result)
    if (result.healthy) {
      failures = 0
      if (last === true || options.report(true, result.detail ?? '')) last = true
    } else if (last === true || clock.monotonic() >= countFromMs) {
      failures += 1
      countFromMs = clock.monotonic() + plan.intervalMs
      const isDue = failures >= plan.retries && last !== false
      if (isDue && options.report(false, result.detail)) last = false
    }
    const untilCountMs = Math.max(countFromMs - clock.monotonic(), 1)
    pauseMs = last === null ? Math.min(pauseMs * 1.5, untilCountMs) : plan.intervalMs
  }
}

async function checkOnce(
  options: Parameters<typeof probe>[0],
  signal: AbortSignal,
): Promise<HealthResult> {
  const limit = new AbortController()
  const stop = (): void => {
    limit.abort(signal.reason)
  }
  signal.addEventListener('abort', stop, { once: true })
  const timer = new AbortController()
  const timedOut = options.clock.sleep(options.plan.timeoutMs, timer.signal).then(
    (): HealthResult => ({
      healthy: false,
      detail: `no answer within ${formatDuration(options.plan.timeoutMs)}`,
    }),
    (): Promise<HealthResult> => new Promise(() => undefined),
  )
  try {
    const asked = options
      .check(limit.signal)
      .catch((error: unknown): HealthResult => ({ healthy: false, detail: errorMessage(error) }))
    return await Promise.race([asked, timedOut])
  } finally {
    timer.abort()
    limit.abort()
    signal.removeEventListener('abort', stop)
  }
}

/** A health checker bound to what one instance's manifest asks of it. */
export function bindCheck(
  checker: HealthChecker<unknown>,
  target: {
    readonly spec: unknown
    readonly pid: number
    readonly ports: Readonly<Record<string, number>>
  },
): (signal: AbortSignal) => Promise<HealthResult> {
  return async (signal) => checker.check(target, signal)
}
