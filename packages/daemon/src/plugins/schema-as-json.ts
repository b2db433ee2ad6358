import type { Schema } from '@p2p-playground/core'
import { standardJsonSchema } from '@p2p-playground/core/config'
import type { JsonSchema } from '@p2p-playground/core/config'

/**
 * What a schema accepts, as JSON Schema: by the Standard JSON Schema extension, for valibot by its own converter, since its
 * schemas lack the extension. Null when it cannot be shown.
 */
export async function schemaAsJson(schema: Schema<unknown>): Promise<JsonSchema | null> {
  const shown = standardJsonSchema(schema)
  if (shown !== null) return shown
  return schema['~standard'].vendor === 'valibot' ? convertValibot(schema) : null
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
