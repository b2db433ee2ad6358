import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { PlaygroundError } from '../errors.js'
import type { SourcePosition } from '../errors.js'
import { expandSource } from './expand.js'
import { findFiles } from './find-files.js'
import type { ConfigRequest } from './find-files.js'
import { readError } from './secret-file.js'
import { parseYaml } from './strict-yaml.js'
import type { Path, PathKey, YamlSource } from './strict-yaml.js'

/** Configuration files laid over each other, before any schema has looked at them. */
export interface Layers {
  readonly value: unknown
  /** The files that were read, the base first. */
  readonly files: readonly string[]
  /** Directory that relative paths start from. */
  readonly baseDir: string
  /** Where the value at `path` comes from. */
  readonly positionOf: (path: Path) => SourcePosition
  /** Dotted path of each leaf → `file:line:column`, with the variable it was expanded from. */
  readonly origins: ReadonlyMap<string, string>
  /** Dotted paths of texts that are nothing but a variable. */
  readonly expanded: ReadonlySet<string>
}

/**
 * Reads `NAME.yaml` (`daemon`, `controller`) and, per environment, `NAME.ENV.yaml` over it: maps merge, lists replace.
 * `${VAR}` and `${VAR:-default}` in strings are expanded. No file at all gives an empty configuration.
 * @throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE, CONFIG_YAML, CONFIG_ENV_MISSING
 */
export async function readLayers(name: string, request: ConfigRequest): Promise<Layers> {
  const files = findFiles(name, request)
  const [base] = files
  const top = { file: base ?? join(request.home.config, `${name}.yaml`), line: 1, column: 1 }
  const sources = await Promise.all(files.map(readSource))
  const origins = new Map<string, string>()
  const expanded = new Set<string>()
  let value: unknown = {}
  for (const source of sources)
    value = merge(value, expandSource(source, request.env, { origins, expanded }))
  return {
    value,
    files,
    baseDir: base === undefined ? request.home.config : resolve(dirname(base)),
    positionOf: (path) =>
      (sources.findLast((source) => has(source.value, path)) ?? sources[0])?.positionOf(path) ??
      top,
    origins,
    expanded,
  }
}

async function readSource(path: string): Promise<YamlSource> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw readError(error, path)
  }
  const source = parseYaml(text, path)
  if (isMap(source.value)) return source
  throw new PlaygroundError('CONFIG_YAML', 'the document is not a map of keys', {
    at: { file: path, line: 1, column: 1 },
  })
}

function merge(below: unknown, above: unknown): unknown {
  if (!isMap(below) || !isMap(above)) return above
  const merged = { ...below }
  for (const [key, value] of Object.entries(above)) {
    merged[key] = Object.hasOwn(merged, key) ? merge(merged[key], value) : value
  }
  return merged
}

function has(value: unknown, path: Path): boolean {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key))
      return false
    current = (current as Record<PathKey, unknown>)[key]
  }
  return true
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
