import { inspect } from 'node:util'
import { errorMessage } from '@p2p-playground/core'
import { describe, expect, it } from 'vitest'
import type { ContractCase, ContractHooks } from '../contracts/index.js'
import {
  discoveryCases,
  healthCheckerCases,
  logSinkCases,
  pluginCases,
  pluginContract,
  runtimeCases,
} from '../contracts/index.js'
import {
  BROKEN_DEFINITIONS,
  BROKEN_DISCOVERIES,
  BROKEN_HEALTH_CHECKERS,
  BROKEN_LOG_SINKS,
  BROKEN_RUNTIMES,
  SOUND_DEFINITION,
} from './index.js'
import type { BrokenPlugin } from './index.js'

/** For a case that is meant to fail: what hangs costs a test that long. The others have their usual patience. */
const IMPATIENT = { promptMs: 250, findMs: 200 }

pluginContract(SOUND_DEFINITION, { valid: [{}, { limit: 1 }], invalid: [{ limit: 'one' }, null] })

prove('runtime', BROKEN_RUNTIMES, runtimeCases)
prove('health checker', BROKEN_HEALTH_CHECKERS, healthCheckerCases)
prove('log sink', BROKEN_LOG_SINKS, logSinkCases)
prove('discovery', BROKEN_DISCOVERIES, discoveryCases)
prove('definition', BROKEN_DEFINITIONS, (setup) => pluginCases(setup.definition, setup))

/** The suite fails for each that is broken, in the cases that are meant and in no other. */
function prove<Setup extends object>(
  kind: string,
  all: readonly BrokenPlugin<Setup>[],
  casesOf: (setup: Setup & ContractHooks) => ContractCase[],
): void {
  describe(`the suite finds a ${kind} that`, () => {
    it.each(all)('$fault', async ({ setup, breaks, says }) => {
      const impatient = casesOf({ ...setup, ...IMPATIENT })
      const cases = casesOf(setup).map((one, index) =>
        breaks.includes(one.name) ? (impatient[index] ?? one) : one,
      )
      const failed = await failuresOf(cases)
      expect([...failed.keys()].sort()).toEqual([...breaks].sort())
      expect(failed.get(breaks[0] ?? '')).toMatch(says)
    })

    it('breaks it, for each promise of it', () => {
      const proven = new Set(all.flatMap(({ breaks }) => breaks))
      const names = all.slice(0, 1).flatMap(({ setup }) => casesOf(setup).map(({ name }) => name))
      expect(names.length).toBeGreaterThan(0)
      expect(names.filter((name) => !proven.has(name))).toEqual([])
    })
  })
}

/** What each case that fails says and found, by its name. */
async function failuresOf(cases: readonly ContractCase[]): Promise<Map<string, string>> {
  const failed = new Map<string, string>()
  for (const one of cases) {
    try {
      await one.run()
    } catch (error) {
      failed.set(one.name, `${errorMessage(error)} ${inspect(found(error), { depth: 4 })}`)
    }
  }
  return failed
}

function found(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'actual' in error ? error.actual : undefined
}
