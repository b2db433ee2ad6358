import type { Clock } from '@p2p-playground/core'

interface Sleeper {
  readonly wakeMs: number
  readonly wake: () => void
}

/**
 * Time that moves only when a test moves it: `advance` wakes who sleeps and lets them go on, `setWall` sets the wall clock
 * as somebody could. What only promises do happens by itself; what waits for the world (a socket, a file) needs `waitFor`.
 */
export class FakeClock implements Clock {
  #wallMs: number
  #monotonicMs = 0
  #sleepers: Sleeper[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#wallMs = startMs
  }

  now(): number {
    return this.#wallMs
  }

  monotonic(): number {
    return this.#monotonicMs
  }

  /** How many wait now. */
  get sleeping(): number {
    return this.#sleepers.length
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const sleeper: Sleeper = {
      wakeMs: this.#monotonicMs + ms,
      wake: () => {
        resolve(undefined)
      },
    }
    this.#sleepers.push(sleeper)
    const onAbort = (): void => {
      this.#drop(sleeper)
      reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Moves both clocks on, and wakes in order those whose time has come; what they do next happens before it resolves. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonicMs + ms
    await settle()
    for (;;) {
      const next = this.#sleepers
        .filter(({ wakeMs }) => wakeMs <= end)
        .sort((a, b) => a.wakeMs - b.wakeMs)[0]
      if (next === undefined) break
      this.#move(next.wakeMs)
      this.#drop(next)
      next.wake()
      await settle()
    }
    this.#move(end)
  }

  /** The wall clock jumps, as when somebody sets it; the monotonic one does not. */
  setWall(ms: number): void {
    this.#wallMs = ms
  }

  #move(toMs: number): void {
    this.#wallMs += toMs - this.#monotonicMs
    this.#monotonicMs = toMs
  }

  #drop(sleeper: Sleeper): void {
    this.#sleepers = this.#sleepers.filter((one) => one !== sleeper)
  }
}

/** Lets everything that can run without time passing run. */
async function settle(): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
