import { errorMessage, parseDurationMs } from '@p2p-playground/core'
import * as v from 'valibot'

const text = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'))
const MAX_PREFIX = 256
const MAX_FLUSH_MS = 3_600_000

/** The keys of the plugin in daemon.yaml. */
export const s3Config = v.pipe(
  v.strictObject({
    bucket: v.pipe(
      text,
      v.check((name) => name.startsWith('arn:') || !/[/\s]/.test(name), 'must be a bucket name'),
      v.description('Name of the bucket, or ARN of an access point. It must exist.'),
    ),
    prefix: v.optional(
      v.pipe(
        v.string('must be text'),
        v.maxLength(MAX_PREFIX, `must not be longer than ${String(MAX_PREFIX)}`),
        v.regex(/^[\w.!=/-]*$/, "may have letters, digits and . _ - ! = / (the store's safe ones)"),
        v.transform((prefix) => prefix.replaceAll(/^\/+|\/+$/g, '')),
        v.description('What all keys begin with; empty: nothing.'),
      ),
      'p2p-playground',
    ),
    region: v.optional(
      v.pipe(
        text,
        v.description('Default: with an endpoint us-east-1, else what the AWS chain says.'),
      ),
    ),
    endpoint: v.optional(
      v.pipe(
        text,
        v.check(isHttpUrl, 'must be an http:// or https:// URL without a password'),
        v.description('URL of a store of another vendor; default: that of AWS for the region.'),
      ),
    ),
    force_path_style: v.optional(
      v.pipe(
        v.boolean('must be true or false'),
        v.description(
          'The bucket in the path instead of in the host name; default: with an endpoint.',
        ),
      ),
    ),
    credentials: v.optional(
      v.pipe(
        v.strictObject({
          access_key_id: text,
          secret_access_key: text,
          session_token: v.optional(text),
        }),
        v.description(
          'Default: the AWS chain (environment, profile, web identity, container, instance).',
        ),
      ),
    ),
    flush_interval: v.optional(
      v.pipe(
        text,
        v.rawTransform(({ dataset, addIssue, NEVER }) => {
          try {
            return parseDurationMs(dataset.value)
          } catch (error) {
            addIssue({ message: `${errorMessage(error)}: write 30s or 5m` })
            return NEVER
          }
        }),
        v.maxValue(MAX_FLUSH_MS, 'must not be longer than 1h'),
        v.description('How long lines wait for others before an object is made of them.'),
      ),
      '30s',
    ),
    checksums: v.optional(
      v.pipe(
        v.picklist(['when-supported', 'when-required'], 'must be when-supported or when-required'),
        v.description('Checksums beside the signature: always, or only where S3 demands one.'),
      ),
      'when-supported',
    ),
    if_none_match: v.optional(
      v.pipe(
        v.boolean('must be true or false'),
        v.description('Write only what is not there yet; off for stores that do not know it.'),
      ),
      true,
    ),
    storage_class: v.optional(
      v.pipe(text, v.description('STANDARD_IA, GLACIER_IR and the like; default: the bucket’s.')),
    ),
    server_side_encryption: v.optional(
      v.pipe(
        v.picklist(
          ['AES256', 'aws:kms', 'aws:kms:dsse'],
          'must be AES256, aws:kms or aws:kms:dsse',
        ),
        v.description('Default: the bucket’s.'),
      ),
    ),
    kms_key_id: v.optional(v.pipe(text, v.description('Key for aws:kms; default: the bucket’s.'))),
  }),
  v.forward(
    v.check(
      ({ kms_key_id: key, server_side_encryption: by }) =>
        key === undefined || (by ?? 'AES256') !== 'AES256',
      'needs server_side_encryption: aws:kms',
    ),
    ['kms_key_id'],
  ),
)

export type S3Config = v.InferOutput<typeof s3Config>

function isHttpUrl(given: string): boolean {
  if (!URL.canParse(given)) return false
  const { protocol, username, password } = new URL(given)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}
