import type { Schema } from '../contracts/schema.js'

export type JsonSchema = Readonly<Record<string, unknown>>

/** https://json-schema.org; the second is what libraries knew first. */
const TARGETS = ['draft-2020-12', 'draft-07']

/**
 * What a schema accepts, by the Standard JSON Schema extension (https://standardschema.dev/json-schema); null when it does
 * not have that, or cannot be converted.
 */
export function standardJsonSchema(schema: Schema<unknown>): JsonSchema | null {
  const standard = schema['~standard']
  if (!('jsonSchema' in standard)) return null
  for (const target of TARGETS) {
    try {
      const shown = (standard.jsonSchema as Converter).input({ target })
      if (typeof shown === 'object' && shown !== null) return shown as JsonSchema
    } catch {
      // It says so of what it cannot convert, and of drafts that it does not know.
    }
  }
  return null
}

interface Converter {
  input(options: { readonly target: string }): unknown
}
