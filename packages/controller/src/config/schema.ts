import * as v from 'valibot'
import { p2pSchema } from '@p2p-playground/core/config'

const LATER = 'Has no effect in this version.'

const listener = v.optional(
  v.strictObject({
    enabled: v.optional(v.pipe(v.boolean(), v.description(LATER)), true),
    listen: v.optional(v.pipe(v.string(), v.description(LATER))),
  }),
  {},
)

/** The definition that controller.yaml is checked against. The `api` keys are accepted for later. */
export const controllerSchema = v.strictObject({
  controller: v.optional(
    v.strictObject({
      name: v.optional(v.pipe(v.string(), v.description('Name of the controller.')), 'controller'),
    }),
    {},
  ),
  p2p: v.optional(p2pSchema, {}),
  security: v.optional(
    v.strictObject({
      signing_key_path: v.optional(
        v.pipe(v.string(), v.description('Private key: signs packages, proves roles.')),
      ),
      signing_key_type: v.optional(
        v.pipe(
          v.picklist(['ed25519', 'rsa']),
          v.description('What the key must be: ed25519 or rsa.'),
        ),
        'ed25519',
      ),
    }),
    {},
  ),
  api: v.optional(
    v.strictObject({
      grpc: listener,
      http: listener,
      web: listener,
      tls: v.optional(
        v.strictObject({
          cert: v.pipe(v.string(), v.description(LATER)),
          key: v.pipe(v.string(), v.description(LATER)),
        }),
      ),
      tokens_file: v.optional(v.pipe(v.string(), v.description(LATER))),
      insecure: v.optional(v.pipe(v.boolean(), v.description(LATER)), false),
    }),
    {},
  ),
})
