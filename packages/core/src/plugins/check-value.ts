export function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null
}

/** True for what Standard Schema calls a schema (https://standardschema.dev); some libraries make functions of them. */
export function isSchema(value: unknown): boolean {
  if (!isRecord(value) && typeof value !== 'function') return false
  const standard = (value as Record<string, unknown>)['~standard']
  return isRecord(standard) && typeof standard['validate'] === 'function'
}

/** A value in a message: a text in quotes, of anything else its type. */
export function show(value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'string' ? `"${value}"` : typeof value
}
