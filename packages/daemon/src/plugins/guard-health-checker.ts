import { errorMessage } from '@p2p-playground/core'
import type { HealthChecker, HealthResult, HealthTarget } from '@p2p-playground/core'
import { guardedCallWithin } from './guarded-call.js'
import type { GuardedPlugin } from './guarded-call.js'
import { runAs } from './plugin-scope.js'

/** Checks of one instance that may be under way at a time, when they do not end at their time-out as they should. */
const MAX_UNENDED = 3
const SPEC_LIMIT_MS = 10_000

/** A checker whose faults are failed checks that name it, and that asks no more of one that hangs. */
export function guardHealthChecker(
  checker: HealthChecker<unknown>,
  plugin: GuardedPlugin,
): HealthChecker<unknown> {
  /** By target, which is the same for all checks of a run. */
  const unended = new WeakMap<HealthTarget<unknown>, number>()
  const count = (target: HealthTarget<unknown>, change: number): number => {
    const next = (unended.get(target) ?? 0) + change
    unended.set(target, next)
    return next
  }
  const standard = checker.spec['~standard']
  return {
    // The rest of it says which keys there are, which is wanted where one is wrong.
    spec: {
      ...checker.spec,
      '~standard': {
        ...standard,
        validate: async (value) =>
          guardedCallWithin(plugin, { limitMs: SPEC_LIMIT_MS, what: 'its spec' }, () =>
            standard.validate(value),
          ),
      },
    },
    check: async (target, signal) => {
      if ((unended.get(target) ?? 0) >= MAX_UNENDED) {
        const detail = `${plugin.label} hangs: ${String(MAX_UNENDED)} checks have not ended`
        return { healthy: false, detail }
      }
      count(target, 1)
      try {
        const result: unknown = await runAs(plugin.identity, () => checker.check(target, signal))
        return readResult(result, plugin)
      } catch (error) {
        return { healthy: false, detail: `${plugin.label} failed: ${errorMessage(error)}` }
      } finally {
        count(target, -1)
      }
    },
  }
}

function readResult(result: unknown, { label }: GuardedPlugin): HealthResult {
  const { healthy, detail } = (
    typeof result === 'object' && result !== null ? result : {}
  ) as Record<string, unknown>
  const text = typeof detail === 'string' ? detail : undefined
  if (healthy === true) return { healthy, detail: text }
  if (healthy === false) return { healthy, detail: text ?? 'unhealthy, without a reason' }
  return { healthy: false, detail: `${label} failed: its check gave no result` }
}
