import type { HealthChecker, HealthResult, HealthTarget, Schema } from '@p2p-playground/core'

export interface FakeSpec {
  readonly answer?: string
}

/** `silent` answers nothing until it is aborted. */
export type FakeAnswer = HealthResult | 'silent'

/** Takes `{ answer?: string }`; answers what a test sets, healthy at first. */
export class FakeHealthChecker implements HealthChecker<FakeSpec> {
  readonly spec: Schema<FakeSpec> = {
    '~standard': {
      version: 1,
      vendor: 'testkit',
      validate: (value) =>
        isSpec(value) ? { value } : { issues: [{ message: 'only "answer" is known, a text' }] },
    },
  }
  result: FakeAnswer = { healthy: true }
  /** For single processes, by pid, instead of `result`. */
  readonly results = new Map<number, FakeAnswer>()
  readonly asked: HealthTarget<FakeSpec>[] = []

  async check(target: HealthTarget<FakeSpec>, signal: AbortSignal): Promise<HealthResult> {
    this.asked.push(target)
    const answer = this.results.get(target.pid) ?? this.result
    if (answer === 'silent') await aborted(signal)
    return Promise.resolve(
      signal.aborted || answer === 'silent'
        ? { healthy: false, detail: 'no answer in time' }
        : answer,
    )
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<undefined>()
  signal.addEventListener(
    'abort',
    () => {
      resolve(undefined)
    },
    { once: true },
  )
  await promise
}

function isSpec(value: unknown): value is FakeSpec {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([key, of]) => key === 'answer' && typeof of === 'string')
  )
}
