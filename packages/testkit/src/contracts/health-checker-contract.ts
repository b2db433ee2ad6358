import type { HealthChecker, HealthTarget } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'

export interface HealthCheckerSetup {
  readonly create: () => HealthChecker<unknown>
  /** Specs that it takes. */
  readonly valid: readonly unknown[]
  /** Specs that it refuses. */
  readonly invalid: readonly unknown[]
  /** Runs `work` with a target that is well. */
  readonly healthy: (work: (target: HealthTarget<unknown>) => Promise<void>) => Promise<void>
  /** Runs `work` with a target that is not. */
  readonly unhealthy: (work: (target: HealthTarget<unknown>) => Promise<void>) => Promise<void>
}

const forever = new AbortController().signal

/** The promises of the HealthChecker seam. */
export function healthCheckerContract(name: string, setup: HealthCheckerSetup): void {
  describe(`${name} keeps the health checker contract`, () => {
    it.each(setup.valid.map((spec) => [JSON.stringify(spec), spec]))(
      'takes the spec %s',
      async (_text, spec) => {
        expect((await setup.create().spec['~standard'].validate(spec)).issues).toBeUndefined()
      },
    )

    it.each(setup.invalid.map((spec) => [JSON.stringify(spec), spec]))(
      'refuses the spec %s',
      async (_text, spec) => {
        expect(
          (await setup.create().spec['~standard'].validate(spec)).issues?.length,
        ).toBeGreaterThan(0)
      },
    )

    it('finds a well app healthy, again and again', async () => {
      await setup.healthy(async (target) => {
        const checker = setup.create()
        for (let round = 0; round < 3; round += 1) {
          expect(await checker.check(target, forever)).toMatchObject({ healthy: true })
        }
      })
    })

    it('finds a sick app unhealthy, says why, and does not throw', async () => {
      await setup.unhealthy(async (target) => {
        const result = await setup.create().check(target, forever)
        expect(result).toMatchObject({
          healthy: false,
          detail: expect.stringMatching(/\S/) as string,
        })
      })
    })

    it('ends at once when it is aborted', async () => {
      await setup.unhealthy(async (target) => {
        const begun = performance.now()
        await setup
          .create()
          .check(target, AbortSignal.abort(new Error('time is up')))
          .catch(() => undefined)
        expect(performance.now() - begun).toBeLessThan(1000)
      })
    })
  })
}
