import { LineCounter, isMap, isScalar, isSeq, parseDocument, visit } from 'yaml'
import type { Document, Node, YAMLError } from 'yaml'
import { PlaygroundError, errorMessage } from '../errors.js'
import type { SourcePosition } from '../errors.js'
import { problemError } from './problems.js'
import type { Problem } from './problems.js'

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

/** They mean something to JavaScript objects, so that a map with them would not be what was written. */
const UNUSABLE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Parses YAML 1.2 without aliases, tags of its own, duplicate keys or more than one document.
 * @throws CONFIG_YAML with the position; all problems stand in `details.problems`
 */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter()
  const at = (offset: number): SourcePosition => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  let document: Document
  let problems: Problem[]
  let value: unknown
  try {
    document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
    problems = problemsOf(document, text, at)
    value = problems.length === 0 ? document.toJS({ maxAliasCount: 0 }) : undefined
  } catch (cause) {
    // The parser recurses: a few thousand brackets are too deep for it.
    const message = `cannot be read as YAML: ${errorMessage(cause)}`
    throw new PlaygroundError('CONFIG_YAML', message, { at: at(0), cause })
  }
  if (problems.length > 0) throw problemError(problems)
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

/** The text with one more key at its root; what else it says stays, comments too. */
export function withKey(text: string, key: string, value: string): string {
  const document = parseDocument(text)
  document.set(key, value)
  return document.toString({ lineWidth: 0 })
}

function problemsOf(
  document: Document,
  text: string,
  at: (offset: number) => SourcePosition,
): Problem[] {
  const problem = (offset: number, message: string, hint?: string): Problem => ({
    code: 'CONFIG_YAML',
    message,
    hint,
    at: at(offset),
  })
  const syntax = [...document.errors, ...document.warnings]
  if (syntax.length > 0) {
    return syntax.map((error) => problem(error.pos[0], ...explain(error, text)))
  }
  const found: Problem[] = []
  const { yaml } = document.directives ?? {}
  if (yaml?.explicit === true && yaml.version !== '1.2') {
    found.push(problem(0, `YAML ${yaml.version} is not read, only 1.2`))
  }
  visit(document, {
    Alias: (_key, node) => {
      const hint = 'Write the value again in its place.'
      found.push(problem(node.range?.[0] ?? 0, `aliases (*${node.source}) are not allowed`, hint))
    },
    Pair: (_key, { key }) => {
      const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0
      if (!isScalar(key)) found.push(problem(offset, 'a key must be text, not a list or a map'))
      else if (UNUSABLE_KEYS.has(String(key.value)))
        found.push(problem(offset, `"${String(key.value)}" cannot be a key`))
    },
  })
  return found
}

/** Message and hint for what the parser found. */
function explain({ code, message, pos }: YAMLError, text: string): [string, string?] {
  const [offset] = pos
  if (code === 'DUPLICATE_KEY') {
    const [key = ''] = /^[^\s:,}]*/.exec(text.slice(offset)) ?? []
    return [`the key ${key} is there twice`]
  }
  if (code === 'TAB_AS_INDENT') return [message, 'Indent with spaces.']
  if (code === 'MULTIPLE_DOCS') return ['there is more than one document', 'Take out the "---".']
  if (text.slice(offset - 1, offset + 1) === '${') {
    return [message, 'Within { } and [ ], put ${VAR} in quotes.']
  }
  return [message]
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
