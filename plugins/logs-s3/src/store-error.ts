import {
  PlaygroundError,
  errorMessage,
  isPlaygroundError,
  sinkErrorOfStatus,
} from '@p2p-playground/core'

/** What an error of the SDK may have; those of the network and of credentials have less. */
interface StoreError {
  readonly name?: unknown
  readonly message?: unknown
  readonly $metadata?: { readonly httpStatusCode?: unknown }
  readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> }
}

/** About the batch itself: halves of it may fit. */
const REFUSED = ['EntityTooLarge', 'MaxMessageLengthExceeded', 'KeyTooLongError']

/**
 * Answered with a status of 4xx, but neither the batch's fault nor that of the configuration: torn or changed on the way, at
 * the same time as another, a clock or a token that the SDK has put right by the next try.
 */
const LATER = [
  'BadDigest',
  'ConditionalRequestConflict',
  'ExpiredToken',
  'IncompleteBody',
  'InvalidDigest',
  'NoSuchUpload',
  'OperationAborted',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TokenRefreshRequired',
  'TooManyRequests',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
]

const WRONG_KEYS = 'Check "credentials" in daemon.yaml, or what the AWS chain finds.'
const WRONG_REGION = 'Set "region" in daemon.yaml to that of the bucket.'
const HINTS: Readonly<Record<string, string>> = {
  AccessDenied: 'The credentials need s3:PutObject below the prefix (docs/log-sinks.md).',
  AuthorizationHeaderMalformed: WRONG_REGION,
  CredentialsProviderError: 'Give "credentials" in daemon.yaml, or what the AWS chain looks for.',
  InvalidAccessKeyId: WRONG_KEYS,
  NoSuchBucket: 'Create the bucket, or correct "bucket" in daemon.yaml.',
  NotImplemented:
    'The store lacks something: try "if_none_match: false", "checksums: when-required".',
  PermanentRedirect: WRONG_REGION,
  RequestTimeTooSkewed: 'Set the clock of this machine.',
  SignatureDoesNotMatch: WRONG_KEYS,
}

/**
 * What a log sink throws for an error of the store. S3 answers 400 to much that no batch is to blame for, so that the code
 * decides; what is not known stops the sink until somebody looks, rather than have it throw lines away.
 */
export function sinkErrorOf(cause: unknown, nowMs: number): PlaygroundError {
  if (isPlaygroundError(cause)) return cause
  const { name, $metadata, $response } = asStoreError(cause)
  const code = typeof name === 'string' ? name : 'Error'
  const status = $metadata?.httpStatusCode
  const hint = HINTS[code]
  if (typeof status !== 'number') return withoutAnswer(cause, code, hint)
  const retryAfter = $response?.headers?.['retry-after']
  const { code: sinkCode, details } = sinkErrorOfStatus({
    status: meantStatus(code, status),
    retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
    reason: code,
    nowMs,
  })
  const message = `the store answered ${String(status)}: ${code}: ${errorMessage(cause)}`
  return new PlaygroundError(sinkCode, message, { hint, details, cause })
}

/** The status that other servers would have given. */
function meantStatus(code: string, status: number): number {
  if (REFUSED.includes(code)) return 413
  if (LATER.includes(code) || status === 409) return 503
  return [400, 422, 501].includes(status) ? 403 : status
}

/** No credentials, no region, no connection. */
function withoutAnswer(cause: unknown, code: string, hint: string | undefined): PlaygroundError {
  const message = errorMessage(cause)
  if (code === 'CredentialsProviderError')
    return new PlaygroundError('SINK_DENIED', message, { hint, cause })
  if (message.startsWith('Region is missing'))
    return new PlaygroundError('SINK_DENIED', message, { hint: WRONG_REGION, cause })
  return new PlaygroundError('SINK_UNAVAILABLE', `the store cannot be reached: ${message}`, {
    cause,
  })
}

function asStoreError(cause: unknown): StoreError {
  return typeof cause === 'object' && cause !== null ? cause : {}
}
