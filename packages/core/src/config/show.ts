import { isSecretPath, withoutUrlPassword } from './secret-names.js'

/** One effective value of a configuration. */
export interface ShownValue {
  /** Dotted path. */
  readonly key: string
  readonly value: unknown
  /** `file:line:column`, with the variable it was expanded from, or `default`. */
  readonly origin: string
}

/** Each leaf of an effective configuration with its origin; secrets are masked. */
export function showConfig(
  value: unknown,
  origins: ReadonlyMap<string, string>,
  prefix = '',
): ShownValue[] {
  const isBranch =
    typeof value === 'object' &&
    value !== null &&
    (Array.isArray(value) ? value.length : Object.keys(value).length) > 0
  if (!isBranch) {
    if (value === undefined) return []
    return [{ key: prefix, value: mask(prefix, value), origin: origins.get(prefix) ?? 'default' }]
  }
  return Object.entries(value).flatMap(([key, item]) =>
    showConfig(item, origins, prefix === '' ? key : `${prefix}.${key}`),
  )
}

function mask(key: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null) return value
  if (isSecretPath(key)) return '********'
  return typeof value === 'string' ? withoutUrlPassword(value) : value
}
