import type { Path } from './strict-yaml.js'

/**
 * Where a list stands for a map. To valibot a list is a map whose keys are `0`, `1` …, and it takes `ports: [8080]` for a
 * port named "0".
 */
export function listsForMaps(schema: unknown, value: unknown, path: Path = []): Path[] {
  if (!isRecord(value)) return []
  const options = optionsOf(schema)
  const map = options.find((one) => isRecord(one['entries']) || one['type'] === 'record')
  const list = options.find((one) => one['type'] === 'array')
  if (Array.isArray(value)) {
    if (list === undefined) return map === undefined ? [] : [path]
    return value.flatMap((item, index) => listsForMaps(list['item'], item, [...path, index]))
  }
  const entries = isRecord(map?.['entries']) ? map['entries'] : {}
  return Object.entries(value).flatMap(([key, item]) =>
    listsForMaps(entries[key] ?? map?.['value'], item, [...path, key]),
  )
}

/** What a schema may be, without what wraps it. */
function optionsOf(schema: unknown): Readonly<Record<string, unknown>>[] {
  if (!isRecord(schema)) return []
  if ('wrapped' in schema) return optionsOf(schema['wrapped'])
  return Array.isArray(schema['options']) && schema['type'] === 'union'
    ? schema['options'].flatMap(optionsOf)
    : [schema]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
