import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join, parse as parsePath } from 'node:path'
import { PlaygroundError, formatPosition } from '../errors.js'
import type { SourcePosition } from '../errors.js'
import type { Home } from './home.js'
import { readError } from './secret-file.js'
import { parseYaml } from './strict-yaml.js'
import type { Path, PathKey, YamlSource } from './strict-yaml.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface ConfigRequest {
  readonly home: Home
  readonly env: Environment
  /** A file that the user named; it must exist. */
  readonly config?: string | undefined
  /** Overlay name; default `$P2P_PLAYGROUND_ENV`. */
  readonly environment?: string | undefined
}

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
}

/**
 * Reads `NAME.yaml` (`daemon`, `controller`) and, per environment, `NAME.ENV.yaml` over it: maps merge, lists replace.
 * `${VAR}` and `${VAR:-default}` in strings are expanded. No file at all gives an empty configuration.
 * @throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE, CONFIG_YAML, CONFIG_ENV_MISSING
 */
export async function readLayers(name: string, request: ConfigRequest): Promise<Layers> {
  const base = findBase(name, request)
  if (base === undefined) {
    const file = join(request.home.config, `${name}.yaml`)
    const nowhere = { file, line: 1, column: 1 }
    return {
      value: {},
      files: [],
      baseDir: request.home.config,
      positionOf: () => nowhere,
      origins: new Map(),
    }
  }
  const files = [base]
  const environment = request.environment ?? request.env['P2P_PLAYGROUND_ENV']
  if (environment !== undefined && environment !== '') {
    const { dir, name: stem, ext } = parsePath(base)
    const overlay = join(dir, `${stem}.${environment}${ext}`)
    if (!existsSync(overlay)) {
      throw new PlaygroundError(
        'CONFIG_NOT_FOUND',
        `there is no ${overlay} for environment "${environment}"`,
        {
          hint: 'Make that file, or leave out --env and P2P_PLAYGROUND_ENV.',
        },
      )
    }
    files.push(overlay)
  }
  const sources = await Promise.all(files.map(readSource))
  const origins = new Map<string, string>()
  let value: unknown = {}
  for (const source of sources)
    value = merge(value, expandIn(source, request.env, origins, source.value, []))
  return {
    value,
    files,
    baseDir: dirname(base),
    positionOf: (path) =>
      (sources.findLast((source) => has(source.value, path)) ?? sources[0])?.positionOf(path) ?? {
        file: base,
        line: 1,
        column: 1,
      },
    origins,
  }
}

function findBase(name: string, request: ConfigRequest): string | undefined {
  const named = request.config ?? request.env['P2P_PLAYGROUND_CONFIG']
  if (named !== undefined && named !== '') {
    if (existsSync(named)) return named
    throw new PlaygroundError('CONFIG_NOT_FOUND', `there is no configuration file ${named}`, {
      hint: 'Check --config and P2P_PLAYGROUND_CONFIG, or make one with "p2p-playground init".',
    })
  }
  const file = `${name}.yaml`
  const candidates = [join(request.home.config, file)]
  if (request.env['P2P_PLAYGROUND_HOME'] === undefined)
    candidates.push(join('/etc/p2p-playground', file))
  return candidates.find((path) => existsSync(path))
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

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

function expandIn(
  source: YamlSource,
  env: Environment,
  origins: Map<string, string>,
  value: unknown,
  path: PathKey[],
): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) => expandIn(source, env, origins, item, [...path, index]))
  }
  if (isMap(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        expandIn(source, env, origins, item, [...path, key]),
      ]),
    )
  }
  let origin = formatPosition(source.positionOf(path))
  let expanded = value
  if (typeof value === 'string') {
    expanded = value.replaceAll(REFERENCE, (_whole, name: string, fallback: string | undefined) => {
      origin += ` ($${name})`
      const found = env[name] ?? fallback
      if (found !== undefined) return found
      throw new PlaygroundError('CONFIG_ENV_MISSING', `the variable ${name} is not set`, {
        at: source.positionOf(path),
        hint: `Set it, or give a default: \${${name}:-…}.`,
      })
    })
  }
  origins.set(path.join('.'), origin)
  return expanded
}

function merge(below: unknown, above: unknown): unknown {
  if (!isMap(below) || !isMap(above)) return above
  const merged = { ...below }
  for (const [key, value] of Object.entries(above)) {
    merged[key] = key in merged ? merge(merged[key], value) : value
  }
  return merged
}

function has(value: unknown, path: Path): boolean {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !(key in current)) return false
    current = (current as Record<PathKey, unknown>)[key]
  }
  return true
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
