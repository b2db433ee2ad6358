import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as v from 'valibot'
import type { Schema } from '../contracts/schema.js'
import type { SourcePosition } from '../errors.js'
import { didYouMean } from './closest.js'
import { describeIssue } from './describe-issue.js'
import { knownKeys } from './known-keys.js'
import { listsForMaps } from './lists-for-maps.js'
import { problemError } from './problems.js'
import type { Problem } from './problems.js'
import type { Path, PathKey } from './strict-yaml.js'

type Issue = v.BaseIssue<unknown>
type AnySchema<Output = unknown> = v.GenericSchema<unknown, Output>

export interface CheckOptions {
  /** Dotted paths of texts that variables gave: they may stand for a number or a boolean. */
  readonly expanded?: ReadonlySet<string> | undefined
  /** A list where a map belongs is taken as a map of its places. */
  readonly listsAsMaps?: boolean | undefined
}

/**
 * Checks a value against a valibot schema whose objects are strict.
 * @throws CONFIG_UNKNOWN_KEY (with a did-you-mean) or CONFIG_INVALID; all problems stand in `details.problems`
 */
export function checkSchema<Output>(
  schema: AnySchema<Output>,
  value: unknown,
  positionOf: (path: Path) => SourcePosition,
  options: CheckOptions = {},
): Output {
  let result = v.safeParse(schema, value)
  if (!result.success && options.expanded !== undefined && options.expanded.size > 0) {
    result = v.safeParse(schema, withTypes(value, result.issues, options.expanded))
  }
  const lists = options.listsAsMaps === true ? [] : listsForMaps(schema, value)
  if (result.success && lists.length === 0) return result.output
  const isInList = (issue: Issue): boolean =>
    lists.some((list) => list.every((key, index) => pathOf(issue)[index] === key))
  const issues = (result.issues ?? []).filter((issue) => !isInList(issue))
  throw problemError([
    ...lists.map((path) => listForMap(path, positionOf)),
    ...issues.flatMap((issue) => problemsOf(issue, schema, positionOf)),
  ])
}

function listForMap(path: Path, positionOf: (path: Path) => SourcePosition): Problem {
  const name = path.length === 0 ? 'the document' : `"${path.join('.')}"`
  const message = `${name} must be a map, not a list`
  return {
    code: 'CONFIG_INVALID',
    message,
    hint: 'Write key: value, without "-" or brackets.',
    at: positionOf(path),
  }
}

/** The value with texts from the environment turned into the numbers and booleans that the schema asks for. */
function withTypes(
  value: unknown,
  issues: readonly Issue[],
  expanded: ReadonlySet<string>,
): unknown {
  const typed = structuredClone(value)
  for (const issue of issues) {
    const path = pathOf(issue)
    const last = path.at(-1)
    if (last === undefined || !expanded.has(path.join('.')) || typeof issue.input !== 'string')
      continue
    const scalar = scalarOf(issue)
    if (scalar === undefined) continue
    const parent = path
      .slice(0, -1)
      .reduce<unknown>((at, key) => (isRecord(at) ? at[key] : at), typed)
    if (isRecord(parent)) parent[last] = scalar
  }
  return typed
}

function scalarOf({ type, input }: Issue): number | boolean | undefined {
  const text = String(input)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  if (type === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  return undefined
}

/**
 * What a schema of somebody else has found. valibot's issues tell what is known at a place and so what was meant; those of
 * other libraries have a path and a message, and where the keys are named that it does not know, those.
 */
export function problemsOfIssues(
  schema: Schema<unknown>,
  issues: readonly StandardSchemaV1.Issue[],
  positionOf: (path: Path) => SourcePosition,
): Problem[] {
  const isValibot = schema['~standard'].vendor === 'valibot'
  return issues.flatMap((issue) =>
    isValibot && 'kind' in issue
      ? problemsOf(issue as unknown as Issue, schema as unknown as AnySchema, positionOf)
      : foreignProblems(issue, schema, positionOf),
  )
}

function foreignProblems(
  { message, path, ...rest }: StandardSchemaV1.Issue,
  schema: Schema<unknown>,
  positionOf: (path: Path) => SourcePosition,
): Problem[] {
  const keys = (path ?? [])
    .map((part) => (typeof part === 'object' ? part.key : part))
    .map((key) => (typeof key === 'number' ? key : String(key)))
  // As zod has it.
  const unknown = 'keys' in rest && Array.isArray(rest.keys) ? rest.keys.map(String) : []
  if (unknown.length > 0) {
    const known = knownKeys(schema, keys)
    return unknown.map((key) => unknownKey([...keys, key], known, positionOf))
  }
  const what = keys.length === 0 ? message : `"${keys.join('.')}": ${message}`
  return [{ code: 'CONFIG_INVALID', message: what, at: positionOf(keys) }]
}

function problemsOf(
  issue: Issue,
  schema: AnySchema,
  positionOf: (path: Path) => SourcePosition,
): Problem[] {
  const path = pathOf(issue)
  const above = path.slice(0, -1)
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const known = keysAt(schema, above)
    const given = issue.path?.at(-1)?.input
    const keys = isRecord(given) ? Object.keys(given) : []
    return keys
      .filter((key) => !known.includes(key))
      .map((key) => unknownKey([...above, key], known, positionOf))
  }
  if (/^(strict|loose)_object$/.test(issue.type) && issue.received === 'undefined') {
    const message = `"${path.join('.')}" is missing`
    return [{ code: 'CONFIG_INVALID', message, at: positionOf(above) }]
  }
  const inner = issue.type === 'union' ? fittingIssues(issue) : []
  if (inner.length > 0) {
    return inner.flatMap((one) =>
      problemsOf(withPath(one, issue), schema, (at) => positionOf(at.length === 0 ? path : at)),
    )
  }
  return [{ code: 'CONFIG_INVALID', ...describeIssue(issue, path), at: positionOf(path) }]
}

/** Of a union, the issues of the branch that the value was meant for: those that look within it. */
function fittingIssues(issue: Issue): Issue[] {
  return (issue.issues ?? []).filter((one) => one.path !== undefined || one.kind !== 'schema')
}

/** Within a union, paths begin at the union's value. */
function withPath(inner: Issue, outer: Issue): Issue {
  const path = [...(outer.path ?? []), ...(inner.path ?? [])]
  const [first, ...rest] = path
  return first === undefined ? inner : { ...inner, path: [first, ...rest] }
}

function unknownKey(
  path: Path,
  known: readonly string[],
  positionOf: (path: Path) => SourcePosition,
): Problem {
  return {
    code: 'CONFIG_UNKNOWN_KEY',
    message: `unknown key "${path.join('.')}"`,
    hint: didYouMean(String(path.at(-1)), known) ?? knownHint(known),
    at: positionOf(path),
  }
}

function knownHint(known: readonly string[]): string {
  return known.length === 0 ? 'Take it out.' : `Known here: ${known.join(', ')}.`
}

function pathOf(issue: Issue): PathKey[] {
  return (issue.path ?? []).map((item) => item.key as PathKey)
}

/** The keys that a strict schema knows at `path`; looks through optional, pipes, arrays and records. */
function keysAt(schema: unknown, path: Path): string[] {
  let current = unwrap(schema)
  for (const key of path) {
    if (!isRecord(current)) return []
    if (isRecord(current['entries'])) current = unwrap(current['entries'][key])
    else if ('item' in current) current = unwrap(current['item'])
    else if ('value' in current) current = unwrap(current['value'])
    else return []
  }
  return isRecord(current) && isRecord(current['entries']) ? Object.keys(current['entries']) : []
}

function unwrap(schema: unknown): unknown {
  let current = schema
  while (isRecord(current)) {
    if (isRecord(current['entries'])) return current
    if (Array.isArray(current['options'])) {
      const object = current['options']
        .map(unwrap)
        .find((one) => isRecord(one) && isRecord(one['entries']))
      return object ?? current
    }
    if (!('wrapped' in current)) return current
    current = current['wrapped']
  }
  return current
}

function isRecord(value: unknown): value is Record<PathKey, unknown> {
  return typeof value === 'object' && value !== null
}
