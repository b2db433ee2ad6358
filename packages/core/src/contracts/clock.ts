/** Time, so that everything that waits or stamps can be driven by a test. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump. */
  now(): number
  /** Boot clock: milliseconds since the machine started, the same in every process; never goes back. Use it for every duration. */
  monotonic(): number
  /** Resolves after `ms` (monotonic); rejects with `signal.reason` when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
