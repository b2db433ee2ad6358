import { isAbsolute } from 'node:path'
import { errorMessage } from '@p2p-playground/core'
import { parseBytes } from '@p2p-playground/core/bytes'
import * as v from 'valibot'
import { OWN_LABELS } from './entry-labels.js'

/** Loki's limit is 15 by default. */
const MAX_STATIC_LABELS = 15 - OWN_LABELS.length
/** A line of 256 KiB, the longest that a daemon makes, becomes as many parts as there may be, or fewer. */
const MIN_LINE_BYTES = 64 * 1024
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/

const size = (min: number): v.GenericSchema<unknown, number> =>
  v.pipe(
    v.union([v.number(), v.string()]),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return parseBytes(String(dataset.value))
      } catch (error) {
        addIssue({ message: errorMessage(error) })
        return NEVER
      }
    }),
    v.minValue(min, `must be at least ${String(min)} bytes`),
  )

const file = v.pipe(v.string(), v.check(isAbsolute, 'must be an absolute path'))

const url = v.pipe(
  v.string(),
  v.check(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be an http:// or https:// URL',
  ),
  v.check(
    (text) => !URL.canParse(text) || new URL(text).username === '',
    'must hold no user: that is for basic_auth',
  ),
  v.description(
    'Address of Loki; /loki/api/v1/push is added to its path unless that ends with /push.',
  ),
)

const labels = v.pipe(
  v.record(
    v.pipe(
      v.string(),
      v.regex(LABEL_NAME, 'must be a label name: letters, digits, _'),
      v.check((name) => !name.startsWith('__'), 'must not begin with __'),
      v.check((name) => !OWN_LABELS.some((own) => own === name), 'is a label of ours'),
    ),
    v.pipe(v.string(), v.minLength(1), v.maxBytes(2048)),
  ),
  v.check(
    (all) => Object.keys(all).length <= MAX_STATIC_LABELS,
    `must be at most ${String(MAX_STATIC_LABELS)}`,
  ),
  v.description('Labels for every stream, such as { cluster: lab }.'),
)

/** A header that Node refuses would be refused with every request. */
const headerText = v.pipe(v.string(), v.regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII'))

/** The keys of `config` in daemon.yaml. */
export const lokiConfig = v.pipe(
  v.strictObject({
    url,
    tenant: v.optional(v.pipe(headerText, v.description('Sent as X-Scope-OrgID.'))),
    basic_auth: v.optional(
      v.pipe(
        v.strictObject({
          username: v.string(),
          password: v.optional(v.string()),
          password_file: v.optional(file),
        }),
        v.check(
          ({ password, password_file }) =>
            (password === undefined) !== (password_file === undefined),
          'must have either password or password_file',
        ),
      ),
    ),
    bearer_token: v.optional(v.pipe(headerText, v.description('Write it as ${VAR}.'))),
    bearer_token_file: v.optional(
      v.pipe(file, v.description('Read anew for each batch, so that it can be rotated.')),
    ),
    headers: v.optional(
      v.record(v.pipe(v.string(), v.regex(/^[\w-]+$/, 'must be a header name')), headerText),
      {},
    ),
    ca_file: v.optional(
      v.pipe(file, v.description('PEM certificates to trust instead of those of the system.')),
    ),
    labels: v.optional(labels, {}),
    encoding: v.optional(
      v.pipe(
        v.picklist(['protobuf', 'json']),
        v.description('protobuf (with snappy) or json (with gzip).'),
      ),
      'protobuf',
    ),
    metadata: v.optional(
      v.pipe(
        v.picklist(['structured', 'line', 'none']),
        v.description(
          'Where what is no label goes: structured metadata; a line of JSON with the text as "line"; nowhere.',
        ),
      ),
      'structured',
    ),
    max_line_size: v.optional(
      v.pipe(
        size(MIN_LINE_BYTES),
        v.description('limits_config.max_line_size of the server: longer lines are split.'),
      ),
      256 * 1024,
    ),
    max_request_size: v.optional(
      v.pipe(
        size(MIN_LINE_BYTES),
        v.description('Of one request before compression, about: larger batches are split.'),
      ),
      3 * 1024 * 1024,
    ),
  }),
  v.check(
    ({ basic_auth, bearer_token, bearer_token_file }) =>
      [basic_auth, bearer_token, bearer_token_file].filter((way) => way !== undefined).length <= 1,
    'only one of basic_auth, bearer_token and bearer_token_file can be used',
  ),
)

export type LokiConfig = v.InferOutput<typeof lokiConfig>
