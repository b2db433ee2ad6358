import type { Clock } from './contracts/clock.js'
import { pause } from './pause.js'

/** The real time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // CLOCK_MONOTONIC, which counts from the boot and so means the same to the next daemon.
  monotonic: () => Number(process.hrtime.bigint()) / 1e6,
  sleep: async (ms, signal) => pause(ms, { signal }),
}
