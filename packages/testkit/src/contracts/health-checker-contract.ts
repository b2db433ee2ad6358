import type { HealthChecker, HealthTarget, PluginLifecycle } from '@p2p-playground/core'
import { expect } from 'vitest'
import { caseWith, forever, prompt, registerContract, settled, without } from './contract-case.js'
import type { ContractCase, ContractHooks } from './contract-case.js'
import { lifecycleCases } from './lifecycle-cases.js'

type Work = (target: HealthTarget<unknown>) => Promise<void>

/** What a health checker's test gives the suite. */
export interface HealthCheckerSetup extends ContractHooks {
  /** A new one each time. */
  readonly create: () => HealthChecker<unknown> & PluginLifecycle
  /** Specs that it takes. */
  readonly valid: readonly unknown[]
  /** Specs that it refuses. */
  readonly invalid: readonly unknown[]
  /** Runs `work` with a target that is well; one that is not may be there at the same time. */
  readonly healthy: (work: Work) => Promise<void>
  /** Runs `work` with a target that is not. */
  readonly unhealthy: (work: Work) => Promise<void>
  /** Runs `work` with a target that takes the question and never answers. */
  readonly slow?: ((work: Work) => Promise<void>) | undefined
}

/** A key that no spec and no configuration has. */
const UNKNOWN_KEY = 'no_such_key'
/** Time-outs of the prober, from one that comes at once to one that comes well after the question. */
const TIMEOUTS_MS = [1, 20, 80]
const AT_ONCE = 20

/** The promises of the HealthChecker seam, for a test with vitest. */
export function healthCheckerContract(name: string, setup: HealthCheckerSetup): void {
  registerContract(`${name} keeps the health checker contract`, healthCheckerCases(setup))
}

/** The promises of the HealthChecker seam, one a case. */
export function healthCheckerCases(setup: HealthCheckerSetup): ContractCase[] {
  const theCase = caseWith<HealthChecker<unknown>>(setup, setup.create)
  return [
    ...specCases(setup, theCase),
    ...checkCases(setup, theCase),
    ...lifecycleCases(setup, setup.create),
  ]
}

type CaseMaker = ReturnType<typeof caseWith<HealthChecker<unknown>>>

function specCases(setup: HealthCheckerSetup, theCase: CaseMaker): ContractCase[] {
  const extended = setup.valid.filter((spec) => typeof spec === 'object' && spec !== null)
  return [
    ...setup.valid.map((spec) =>
      theCase(`takes the spec ${JSON.stringify(spec)}`, async (create) => {
        const { spec: schema } = await create()
        expect((await schema['~standard'].validate(spec)).issues).toBeUndefined()
      }),
    ),

    ...setup.invalid.map((spec) =>
      theCase(`refuses the spec ${JSON.stringify(spec)}`, async (create) => {
        const { spec: schema } = await create()
        const { issues } = await schema['~standard'].validate(spec)
        expect(issues ?? [], 'it was taken').not.toEqual([])
        for (const { message } of issues ?? []) expect(message).toMatch(/\S/)
      }),
    ),

    theCase('refuses a key that it does not know', async (create) => {
      const { spec: schema } = await create()
      for (const spec of extended) {
        const { issues } = await schema['~standard'].validate({ ...spec, [UNKNOWN_KEY]: 1 })
        expect(issues ?? [], JSON.stringify(spec)).not.toEqual([])
      }
    }),
  ]
}

function checkCases(setup: HealthCheckerSetup, theCase: CaseMaker): ContractCase[] {
  const { healthy, unhealthy, slow } = setup
  return [
    theCase('finds a well app healthy, again and again', async (create) => {
      await healthy(async (target) => {
        const checker = await create()
        for (let round = 0; round < 3; round += 1) {
          expect(await checker.check(target, forever)).toMatchObject({ healthy: true })
        }
      })
    }),

    theCase('finds a sick app unhealthy, says why, and does not throw', async (create) => {
      await unhealthy(async (target) => {
        const checker = await create()
        expect(await checker.check(target, forever)).toMatchObject({
          healthy: false,
          detail: expect.stringMatching(/\S/) as string,
        })
      })
    }),

    theCase('looks anew each time', async (create) => {
      const checker = await create()
      const found: boolean[] = []
      const look = async (target: HealthTarget<unknown>): Promise<void> => {
        found.push((await checker.check(target, forever)).healthy)
      }
      for (const bring of [healthy, unhealthy, healthy]) await bring(look)
      expect(found).toEqual([true, false, true])
    }),

    theCase('answers with plain data, and leaves the target as it is', async (create) => {
      const checker = await create()
      for (const bring of [healthy, unhealthy]) {
        await bring(async (target) => {
          const before = structuredClone(target)
          const result = await checker.check(target, forever)
          expect(JSON.parse(JSON.stringify(result))).toEqual(result)
          expect(target).toEqual(before)
        })
      }
    }),

    theCase('keeps checks apart that run at once', async (create) => {
      const checker = await create()
      await healthy(async (well) =>
        unhealthy(async (sick) => {
          const targets = Array.from({ length: AT_ONCE }, (_, index) =>
            index % 3 === 0 ? sick : well,
          )
          const results = await Promise.all(targets.map((one) => checker.check(one, forever)))
          expect(results.map((one) => one.healthy)).toEqual(targets.map((one) => one === well))
        }),
      )
    }),

    theCase('keeps instances apart', async (create) => {
      const [one, other] = [await create(), await create()]
      await healthy(async (well) =>
        unhealthy(async (sick) => {
          const results = [await one.check(sick, forever), await other.check(well, forever)]
          await other.close?.()
          results.push(await one.check(well, forever))
          expect(results.map((result) => result.healthy)).toEqual([false, true, true])
        }),
      )
    }),

    theCase('ends at once when it is aborted', async (create) => {
      const checker = await create()
      await unhealthy(async (target) => {
        const aborted = AbortSignal.abort(new Error('time is up'))
        await prompt(
          setup,
          'a check that was aborted before',
          settled(checker.check(target, aborted)),
        )
      })
    }),

    theCase(
      'ends at its time-out when no answer comes, and does not call that healthy',
      async (create) => {
        const checker = await create()
        await slow?.(async (target) => {
          const checks = TIMEOUTS_MS.map(async (timeoutMs) =>
            checker.check(target, AbortSignal.timeout(timeoutMs)),
          )
          for (const result of await prompt(
            setup,
            'a check past its time-out',
            Promise.allSettled(checks),
          )) {
            if (result.status === 'fulfilled')
              expect(result.value).toMatchObject({ healthy: false })
          }
        })
      },
      without('slow', slow),
    ),

    theCase('ends a check that comes after close', async (create) => {
      const checker = await create()
      await checker.close?.()
      await healthy(async (target) =>
        prompt(setup, 'a check after close', settled(checker.check(target, forever))),
      )
    }),
  ]
}
