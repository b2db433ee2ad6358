import { PlaygroundError, errorMessage, formatPosition } from '@p2p-playground/core'
import type { Clock, PluginDefinition, SourcePosition } from '@p2p-playground/core'
import { problemsOfIssues } from '@p2p-playground/core/config'
import type { Path, Problem } from '@p2p-playground/core/config'
import type { PluginEntry } from '../config/index.js'
import { runAs } from './plugin-scope.js'
import type { PluginIdentity } from './plugin-scope.js'
import { withinLimit } from './within-limit.js'

type Issues = NonNullable<
  Awaited<ReturnType<PluginDefinition['config']['~standard']['validate']>>['issues']
>

export interface ConfigCheck {
  readonly entry: PluginEntry
  readonly definition: PluginDefinition
  readonly plugin: PluginIdentity
  /** `PACKAGE VERSION`, for messages. */
  readonly shown: string
  readonly positionOf: (path: Path) => SourcePosition
  /** Dotted paths of texts of daemon.yaml that variables gave: they may stand for a number or a boolean. */
  readonly expanded: ReadonlySet<string>
  readonly clock: Clock
  readonly limitMs: number
}

/**
 * The configuration of a plugin as its own schema reads it.
 * @throws PLUGIN_CONFIG with all that is wrong, each with its line in daemon.yaml
 */
export async function readPluginConfig(check: ConfigCheck): Promise<unknown> {
  const { entry } = check
  let result = await validate(check, entry.config)
  if (result.issues === undefined) return result.value
  const typed = withTypes(check, result.issues)
  if (typed !== undefined) {
    result = await validate(check, typed)
    if (result.issues === undefined) return result.value
  }
  throw configError(check, result.issues)
}

async function validate(
  { definition, plugin, shown, clock, limitMs }: ConfigCheck,
  value: unknown,
): Promise<{ readonly value: unknown; readonly issues?: Issues | undefined }> {
  const late = 'its schema has not ended'
  try {
    const result: unknown = await withinLimit(
      () => runAs(plugin, () => definition.config['~standard'].validate(value)),
      { clock, limitMs, late },
    )
    if (isResult(result)) return result
    throw new Error('its schema gave neither a value nor issues')
  } catch (cause) {
    throw new PlaygroundError(
      'PLUGIN_CONFIG',
      `config of ${shown} (${definition.name}) cannot be checked: ${errorMessage(cause)}`,
      { hint: 'That is a fault of the plugin, not of daemon.yaml.', cause },
    )
  }
}

function isResult(
  result: unknown,
): result is { readonly value: unknown; readonly issues?: Issues } {
  if (typeof result !== 'object' || result === null) return false
  if ('issues' in result && result.issues !== undefined) {
    return Array.isArray(result.issues) && result.issues.length > 0
  }
  return 'value' in result
}

/** The config with texts from the environment as the numbers and booleans they look like, where they were refused. */
function withTypes({ entry, expanded }: ConfigCheck, issues: Issues): unknown {
  const base = entry.path
  if (base === undefined) return undefined
  let isChanged = false
  const typed = structuredClone(entry.config)
  for (const issue of issues) {
    const path = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part))
    const last = path.at(-1)
    const dotted = [...base, 'config', ...path.map(String)].join('.')
    if (last === undefined || !expanded.has(dotted)) continue
    const parent = path.slice(0, -1).reduce<unknown>(at, typed)
    const scalar = scalarOf(at(parent, last))
    if (scalar === undefined) continue
    ;(parent as Record<PropertyKey, unknown>)[last] = scalar
    isChanged = true
  }
  return isChanged ? typed : undefined
}

function at(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined
}

function scalarOf(text: unknown): number | boolean | undefined {
  if (typeof text !== 'string') return undefined
  if (/^(true|false)$/.test(text)) return text === 'true'
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
}

function configError({ entry, definition, shown, positionOf }: ConfigCheck, issues: Issues): Error {
  const base = entry.path === undefined ? undefined : [...entry.path, 'config']
  const nowhere: SourcePosition = { file: '', line: 0, column: 0 }
  const problems = problemsOfIssues(definition.config, issues, (path) =>
    base === undefined ? nowhere : positionOf([...base, ...path]),
  ).toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column)
  const [first, ...more] = problems
  const about = `config of ${shown}`
  if (first === undefined) return new PlaygroundError('PLUGIN_CONFIG', `${about} is not valid`)
  const lines = more.map((problem) => `${formatPosition(problem.at)}: ${problem.message}`)
  return new PlaygroundError('PLUGIN_CONFIG', [`${about}: ${first.message}`, ...lines].join('\n'), {
    at: base === undefined ? undefined : first.at,
    hint: hintOf(problems, shown),
    details: { problems: problems.map(({ at: place, ...rest }) => ({ ...rest, ...place })) },
  })
}

function hintOf(problems: readonly Problem[], shown: string): string {
  const hints = [...new Set(problems.flatMap(({ hint }) => (hint === undefined ? [] : [hint])))]
  const [name = ''] = shown.split(' ')
  return [...hints, `Its keys: "p2p-playground plugins inspect ${name}".`].join(' ')
}
