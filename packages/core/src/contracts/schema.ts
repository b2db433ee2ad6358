import type { StandardSchemaV1 } from '@standard-schema/spec'

/** A validator of any library that follows Standard Schema (https://standardschema.dev). */
export type Schema<Output> = StandardSchemaV1<unknown, Output>
