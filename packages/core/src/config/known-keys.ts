import type { Schema } from '../contracts/schema.js'
import { standardJsonSchema } from './standard-json-schema.js'
import type { JsonSchema } from './standard-json-schema.js'
import type { Path } from './strict-yaml.js'

/** The keys that a schema of any library knows at a place; none when it cannot say. */
export function knownKeys(schema: Schema<unknown>, path: Path): string[] {
  let current = standardJsonSchema(schema) ?? {}
  for (const key of path) {
    const within = record(current['properties'])[key]
    current = record(within ?? current['items'] ?? current['additionalProperties'])
  }
  return Object.keys(record(current['properties']))
}

function record(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {}
}
