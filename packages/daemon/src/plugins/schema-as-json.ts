import type { Schema } from '@p2p-playground/core'

export type JsonSchema = Readonly<Record<string, unknown>>

/** https://json-schema.org; the second is what libraries knew first. */
const TARGETS = ['draft-2020-12', 'draft-07']

/**
 * What a schema accepts, as JSON Schema: by the Standard JSON Schema extension (https://standardschema.dev/json-schema), for
 * valibot by its own converter, since its schemas lack the extension. Null when it cannot be shown.
 */
export async function schemaAsJson(schema: Schema<unknown>): Promise<JsonSchema | null> {
  const standard = schema['~standard']
  if ('jsonSchema' in standard) {
    for (const target of TARGETS) {
      const shown = tryConvert(standard.jsonSchema, target)
      if (shown !== null) return shown
    }
  }
  return standard.vendor === 'valibot' ? convertValibot(schema) : null
}

function tryConvert(converter: unknown, target: string): JsonSchema | null {
  try {
    const shown = (converter as { input(options: { target: string }): unknown }).input({ target })
    return typeof shown === 'object' && shown !== null ? (shown as JsonSchema) : null
  } catch {
    // It says so of what it cannot convert, and of drafts that it does not know.
    return null
  }
}

async function convertValibot(schema: Schema<unknown>): Promise<JsonSchema | null> {
  const { toJsonSchema } = await import('@valibot/to-json-schema')
  try {
    const options = { typeMode: 'input', errorMode: 'ignore' } as const
    return toJsonSchema(
      schema as unknown as Parameters<typeof toJsonSchema>[0],
      options,
    ) as JsonSchema
  } catch {
    // Another version of valibot than the converter knows.
    return null
  }
}
