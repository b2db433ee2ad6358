import type { Schema } from '@p2p-playground/core'
import * as v from 'valibot'
import { expect, it } from 'vitest'
import { schemaAsJson } from './schema-as-json.js'

const schema = (vendor: string, more: object = {}): Schema<unknown> => ({
  '~standard': { version: 1, vendor, validate: (value) => ({ value }), ...more },
})

it('converts what valibot made', async () => {
  const keys = v.strictObject({ port: v.optional(v.pipe(v.number(), v.description('Where.')), 80) })
  expect(await schemaAsJson(keys)).toMatchObject({
    type: 'object',
    properties: { port: { type: 'number', description: 'Where.', default: 80 } },
    additionalProperties: false,
  })
})

it('asks a schema that can show itself, and takes the draft that it knows', async () => {
  const input = ({ target }: { target: string }): object => {
    if (target !== 'draft-07') throw new Error('another draft')
    return { type: 'object', title: target }
  }
  expect(await schemaAsJson(schema('zod', { jsonSchema: { input } }))).toEqual({
    type: 'object',
    title: 'draft-07',
  })
})

it.each([
  ['cannot', schema('own')],
  [
    'says that it cannot',
    schema('zod', {
      jsonSchema: {
        input: () => {
          throw new Error('no')
        },
      },
    }),
  ],
  ['gives nonsense', schema('zod', { jsonSchema: { input: () => 5 } })],
  ['has nothing behind it', schema('zod', { jsonSchema: 5 })],
])('is null for a schema that %s', async (_what, one) => {
  expect(await schemaAsJson(one)).toBeNull()
})
