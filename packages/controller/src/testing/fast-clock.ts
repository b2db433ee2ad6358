import { systemClock } from '@p2p-playground/core'
import type { Clock } from '@p2p-playground/core'

/** A clock whose waits take a fraction of their time. */
export function fastClock(times: number): Clock {
  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic() * times,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  }
}
