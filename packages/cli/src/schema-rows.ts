type Json = Readonly<Record<string, unknown>>

/** One key of a JSON Schema. */
export interface SchemaRow {
  /** Dotted path; `[]` for the items of a list. */
  readonly key: string
  readonly type: string
  /** `required`, the default as JSON, or empty. */
  readonly fallback: string
  readonly text: string
}

/** The keys that a JSON Schema of an object knows, those within them after each. */
export function schemaRows(schema: Json, prefix = ''): SchemaRow[] {
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  return Object.entries(record(schema['properties'])).flatMap(([name, value]) => {
    const property = record(value)
    const key = prefix === '' ? name : `${prefix}.${name}`
    const nested =
      property['properties'] === undefined
        ? { schema: record(property['items']), prefix: `${key}[]` }
        : { schema: property, prefix: key }
    const fallback = property['default']
    return [
      {
        key,
        type: typeOf(property),
        fallback:
          fallback === undefined
            ? required.includes(name)
              ? 'required'
              : ''
            : JSON.stringify(fallback),
        text: typeof property['description'] === 'string' ? property['description'] : '',
      },
      ...schemaRows(nested.schema, nested.prefix),
    ]
  })
}

function typeOf(schema: Json): string {
  if (Array.isArray(schema['enum'])) {
    return schema['enum'].map((value) => JSON.stringify(value)).join(' or ')
  }
  if ('const' in schema) return JSON.stringify(schema['const'])
  const options = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(options)) {
    return [...new Set(options.map((option) => typeOf(record(option))))].join(' or ')
  }
  if (Array.isArray(schema['type'])) return schema['type'].join(' or ')
  if (schema['type'] === 'array') return `list of ${typeOf(record(schema['items']))}`
  if (schema['type'] === 'object') return 'map'
  return typeof schema['type'] === 'string' ? schema['type'] : 'any'
}

function record(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}
