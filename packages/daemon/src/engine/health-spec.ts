import { PlaygroundError } from '@p2p-playground/core'
import type { HealthChecker } from '@p2p-playground/core'
import { didYouMean, problemsOfIssues } from '@p2p-playground/core/config'
import type { HealthCheckSpec } from '@p2p-playground/core/manifest'
import { expandAll } from './expand.js'
import type { ExpansionContext } from './expand.js'

export type HealthCheckers = ReadonlyMap<string, HealthChecker<unknown>>

const COMMON_KEYS = ['interval', 'timeout', 'retries', 'start_period']

/** The manifest's own lines are not at hand any more. */
const NOWHERE = { file: 'manifest.yaml', line: 1, column: 1 }

/**
 * The checker that a manifest asks for, and what it makes of the keys that are its own.
 * @throws RUNTIME_HEALTH_TYPE, RUNTIME_HEALTH_SPEC, APP_REFERENCE
 */
export async function readHealthSpec(
  { type, spec }: HealthCheckSpec,
  checkers: HealthCheckers,
  context: ExpansionContext,
): Promise<{ readonly checker: HealthChecker<unknown>; readonly spec: unknown }> {
  const checker = checkers.get(type)
  if (checker === undefined) {
    throw new PlaygroundError('RUNTIME_HEALTH_TYPE', `this node has no health check "${type}"`, {
      hint: `It has: ${[...checkers.keys()].join(', ')}. Name the plugin in daemon.yaml.`,
    })
  }
  const parsed = await checker.spec['~standard'].validate(expandAll(spec, context))
  if (parsed.issues === undefined) return { checker, spec: parsed.value }
  const problems = problemsOfIssues(checker.spec, parsed.issues, () => NOWHERE)
  const texts = problems.map(({ message }) => message).join('; ')
  throw new PlaygroundError('RUNTIME_HEALTH_SPEC', `health_check of type "${type}": ${texts}`, {
    hint:
      ofEveryCheck(problems) ??
      problems.find(({ hint }) => hint !== undefined)?.hint ??
      `Its keys, where it is installed: "p2p-playground plugins inspect ${type}".`,
  })
}

/** A key of every check that is misspelt looks like one of the plugin's own. */
function ofEveryCheck(
  problems: readonly { readonly code: string; readonly message: string }[],
): string | undefined {
  const unknown = problems.find(({ code }) => code === 'CONFIG_UNKNOWN_KEY')
  const key = /"(.+)"/.exec(unknown?.message ?? '')?.[1]
  return key === undefined ? undefined : didYouMean(key, COMMON_KEYS)
}
