import { formatPosition } from '../errors.js'
import { problemError } from './problems.js'
import type { Problem } from './problems.js'
import type { PathKey, YamlSource } from './strict-yaml.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** What expansion finds out on its way; dotted paths are the keys. */
export interface Expansion {
  /** Where each leaf comes from: `file:line:column`, with the variables that are in it. */
  readonly origins: Map<string, string>
  /** Texts that are nothing but a variable, or its default. */
  readonly expanded: Set<string>
}

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g
const ONLY_REFERENCE = new RegExp(`^${REFERENCE.source}$`)

/**
 * The value of a source with `${VAR}` and `${VAR:-default}` replaced within its texts. As in a shell, the default holds
 * when the variable is not set or empty.
 * @throws CONFIG_ENV_MISSING naming all variables that are not set
 */
export function expandSource(source: YamlSource, env: Environment, found: Expansion): unknown {
  const problems: Problem[] = []

  function expandText(text: string, path: readonly PathKey[]): string {
    const at = source.positionOf(path)
    let origin = formatPosition(at)
    const expanded = text.replaceAll(REFERENCE, (_whole, name: string, fallback?: string) => {
      const given = env[name]
      if (given !== undefined && (given !== '' || fallback === undefined)) {
        origin += ` ($${name})`
        return given
      }
      origin += ` (default of $${name})`
      if (fallback === undefined) {
        const hint = `Set it, or give a default: \${${name}:-…}.`
        problems.push({
          code: 'CONFIG_ENV_MISSING',
          message: `the variable ${name} is not set`,
          hint,
          at,
        })
      }
      return fallback ?? ''
    })
    const key = path.join('.')
    found.origins.set(key, origin)
    if (ONLY_REFERENCE.test(text)) found.expanded.add(key)
    else found.expanded.delete(key)
    return expanded
  }

  function expandValue(value: unknown, path: readonly PathKey[]): unknown {
    if (typeof value === 'string') return expandText(value, path)
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).map(
        ([key, item]) => [key, expandValue(item, [...path, key])] as const,
      )
      if (entries.length === 0) found.origins.set(path.join('.'), originAt(path))
      return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries)
    }
    found.origins.set(path.join('.'), originAt(path))
    found.expanded.delete(path.join('.'))
    return value
  }

  const originAt = (path: readonly PathKey[]): string => formatPosition(source.positionOf(path))
  const value = expandValue(source.value, [])
  if (problems.length > 0) throw problemError(problems)
  return value
}
