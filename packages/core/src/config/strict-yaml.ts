import * as v from 'valibot'
import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Document, Node } from 'yaml'
import { PlaygroundError } from '../errors.js'
import type { ErrorCode, SourcePosition } from '../errors.js'
import { closest } from './closest.js'

/** A key or an index on the way from the root of a document to a value. */
export type PathKey = string | number
export type Path = readonly PathKey[]

/** A YAML text as plain values, with the place of each. */
export interface YamlSource {
  readonly file: string
  readonly value: unknown
  /** Where the value at `path` stands, or the nearest one above it that exists. */
  readonly positionOf: (path: Path) => SourcePosition
}

/**
 * Parses YAML 1.2 without aliases, duplicate keys or more than one document.
 * @throws CONFIG_YAML with the position
 */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
  })
  const at = (offset: number): SourcePosition => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const error = document.errors[0]
  if (error !== undefined)
    throw new PlaygroundError('CONFIG_YAML', error.message, { at: at(error.pos[0]) })
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 0 })
  } catch (cause) {
    throw new PlaygroundError('CONFIG_YAML', 'aliases (*name) are not allowed', {
      at: at(0),
      cause,
    })
  }
  return {
    file,
    value: value ?? {},
    positionOf: (path) => at(offsetOf(document, path)),
  }
}

/** The scalar at `path` as the user wrote it (`1.10`, not the number 1.1); undefined when there is none. */
export function sourceText(text: string, path: Path): string | undefined {
  const node = parseDocument(text).getIn(path, true)
  return isScalar(node) ? node.source : undefined
}

function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(key),
      )
      if (pair === undefined) break
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(key)]
      if (isNode(node)) offset = node.range?.[0] ?? offset
    } else break
  }
  return offset
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value
}

/** One thing that is wrong, with its place. */
export interface Problem {
  readonly code: ErrorCode
  readonly message: string
  readonly path: Path
  readonly hint?: string
}

/**
 * Checks a value against a valibot schema whose objects are strict.
 * @throws CONFIG_UNKNOWN_KEY (with a did-you-mean) or CONFIG_INVALID; all problems stand in `details.problems`
 */
export function checkSchema<Output>(
  schema: v.GenericSchema<unknown, Output>,
  value: unknown,
  positionOf: (path: Path) => SourcePosition,
): Output {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const problems = result.issues.map((issue) => toProblem(issue, schema))
  const first = problems[0]
  if (first === undefined) throw new PlaygroundError('INTERNAL', 'a schema failed without an issue')
  const listed = problems.map((problem) => {
    const { file, line, column } = positionOf(problem.path)
    return { code: problem.code, message: problem.message, file, line, column }
  })
  const more = problems.length > 1 ? ` (and ${String(problems.length - 1)} more)` : ''
  throw new PlaygroundError(first.code, `${first.message}${more}`, {
    at: positionOf(first.path),
    hint: first.hint,
    details: { problems: listed },
  })
}

function toProblem(
  issue: v.BaseIssue<unknown>,
  schema: v.GenericSchema<unknown, unknown>,
): Problem {
  const path = (issue.path ?? []).map((item) => item.key as PathKey)
  const dotted = path.join('.')
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const key = String(path.at(-1) ?? '')
    const known = keysAt(schema, path.slice(0, -1))
    const guess = closest(key, known)
    return {
      code: 'CONFIG_UNKNOWN_KEY',
      message: `unknown key "${dotted}"`,
      path,
      hint: guess === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean "${guess}"?`,
    }
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') {
    return { code: 'CONFIG_INVALID', message: `"${dotted}" is missing`, path: path.slice(0, -1) }
  }
  const name = dotted === '' ? 'the document' : `"${dotted}"`
  const said =
    issue.kind === 'schema'
      ? `must be ${issue.expected ?? 'another type'}, not ${issue.received}`
      : issue.message
  return { code: 'CONFIG_INVALID', message: `${name}: ${said}`, path }
}

/** The keys that a strict schema knows at `path`; looks through optional, pipes, arrays and records. */
function keysAt(schema: unknown, path: Path): string[] {
  let current = unwrap(schema)
  for (const key of path) {
    if (isRecord(current) && isRecord(current['entries']))
      current = unwrap(current['entries'][String(key)])
    else if (isRecord(current) && 'item' in current) current = unwrap(current['item'])
    else if (isRecord(current) && 'value' in current) current = unwrap(current['value'])
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
