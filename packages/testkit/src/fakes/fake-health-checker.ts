import type { HealthChecker, HealthResult, HealthTarget, Schema } from '@p2p-playground/core'

export interface FakeSpec {
  readonly answer?: string
}

/** Takes `{ answer?: string }`; answers what a test sets, healthy at first. */
export class FakeHealthChecker implements HealthChecker<FakeSpec> {
  readonly spec: Schema<FakeSpec> = {
    '~standard': {
      version: 1,
      vendor: 'testkit',
      validate: (value) =>
        typeof value === 'object' &&
        value !== null &&
        Object.keys(value).every((key) => key === 'answer')
          ? { value }
          : { issues: [{ message: 'only "answer" is known' }] },
    },
  }
  result: HealthResult = { healthy: true }
  readonly asked: HealthTarget<FakeSpec>[] = []

  async check(target: HealthTarget<FakeSpec>, signal: AbortSignal): Promise<HealthResult> {
    this.asked.push(target)
    return Promise.resolve(signal.aborted ? { healthy: false, detail: 'aborted' } : this.result)
  }
}
