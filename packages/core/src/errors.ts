/** gRPC status names, as the Connect and gRPC specifications spell them. */
export type GrpcStatus =
  | 'invalid_argument'
  | 'not_found'
  | 'already_exists'
  | 'permission_denied'
  | 'unauthenticated'
  | 'failed_precondition'
  | 'aborted'
  | 'resource_exhausted'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'data_loss'
  | 'unimplemented'
  | 'canceled'
  | 'internal'

/** What a code means to each surface: gRPC status, HTTP status, CLI exit code, and whether trying again can help. */
export interface ErrorRow {
  readonly grpc: GrpcStatus
  readonly http: number
  /** 1 error, 2 usage, 3 partial, 4 failed and rolled back, 5 timeout, 6 refused. */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6
  readonly retry: boolean
}

const row = (grpc: GrpcStatus, http: number, exit: ErrorRow['exit'], retry = false): ErrorRow => ({
  grpc,
  http,
  exit,
  retry,
})

const usage = row('invalid_argument', 400, 2)
const refused = row('permission_denied', 403, 6)
const invalid = row('invalid_argument', 422, 6)
const missing = row('not_found', 404, 1)

/** Every code the product can report. A code, once published, is not reused. */
export const ERROR_TABLE = {
  // Configuration and command lines
  CONFIG_NOT_FOUND: row('not_found', 404, 2),
  CONFIG_UNREADABLE: usage,
  CONFIG_YAML: usage,
  CONFIG_UNKNOWN_KEY: usage,
  CONFIG_INVALID: usage,
  CONFIG_ENV_MISSING: usage,
  CONFIG_PSK: usage,
  CONFIG_KEY: usage,
  CONFIG_PERMISSIONS: usage,
  CONFIG_EXISTS: row('already_exists', 409, 1),
  CONFIG_TOKEN: usage,
  // Plugins
  PLUGIN_NOT_FOUND: usage,
  PLUGIN_IMPORT: usage,
  PLUGIN_SHAPE: usage,
  PLUGIN_API: usage,
  PLUGIN_CONFIG: usage,
  PLUGIN_DUPLICATE: usage,
  PLUGIN_START: row('failed_precondition', 400, 1),
  PLUGIN_FAILED: row('failed_precondition', 500, 1),
  PLUGIN_INSTALL: row('failed_precondition', 500, 1),
  PLUGIN_REGISTRY: row('unavailable', 503, 1, true),
  // Packages: what the file is
  BUNDLE_NOT_FOUND: row('not_found', 404, 2),
  BUNDLE_OUTER: invalid,
  BUNDLE_TOO_LARGE: invalid,
  BUNDLE_TRUNCATED: invalid,
  BUNDLE_ENTRY: invalid,
  BUNDLE_DUPLICATE: invalid,
  BUNDLE_LIMIT: invalid,
  BUNDLE_MANIFEST: invalid,
  BUNDLE_PACK: usage,
  // Signatures and keys
  SIGNATURE_MISSING: invalid,
  SIGNATURE_INVALID: invalid,
  SIGNATURE_UNTRUSTED: refused,
  SIGNATURE_EXPIRED: refused,
  SIGNATURE_REVOKED: refused,
  SIGNATURE_SCOPE: refused,
  // Applications and their versions
  APP_NOT_FOUND: missing,
  APP_VERSION_EXISTS: row('already_exists', 409, 6),
  APP_DOWNGRADE: row('failed_precondition', 409, 6),
  APP_PLATFORM: row('failed_precondition', 409, 6),
  APP_REFERENCE: row('failed_precondition', 409, 6),
  APP_LIMIT: row('resource_exhausted', 429, 6),
  APP_CONDEMNED: row('failed_precondition', 409, 6),
  APP_PORT: row('failed_precondition', 409, 1),
  APP_HOOK: row('failed_precondition', 500, 1),
  APP_ROLLED_BACK: row('failed_precondition', 500, 4),
  APP_START: row('failed_precondition', 500, 1),
  APP_UNHEALTHY: row('failed_precondition', 500, 1),
  APP_WAIT_TIMEOUT: row('deadline_exceeded', 504, 5),
  // Nodes and the daemon
  NODE_NOT_FOUND: missing,
  NODE_UNREACHABLE: row('unavailable', 503, 1, true),
  NODE_NONE: row('not_found', 404, 1),
  NODE_DAEMON_RUNNING: row('already_exists', 409, 1),
  NODE_DAEMON_STOPPED: row('unavailable', 503, 1),
  NODE_DAEMON_START: row('failed_precondition', 500, 1),
  NODE_DAEMON_SERVICE: row('failed_precondition', 500, 1),
  NODE_ADDRESS: usage,
  // Who may
  AUTH_MEMBERSHIP: row('unauthenticated', 401, 6),
  AUTH_ROLE: refused,
  AUTH_REPLAY: refused,
  AUTH_CLOCK: refused,
  AUTH_TARGET: refused,
  // Moving packages
  TRANSFER_PIECE: row('data_loss', 500, 1, true),
  TRANSFER_SOURCE: row('unavailable', 503, 1, true),
  TRANSFER_OFFER: row('invalid_argument', 400, 6),
  TRANSFER_DISK: row('resource_exhausted', 507, 1),
  // Running apps
  RUNTIME_NOT_FOUND: row('failed_precondition', 409, 6),
  RUNTIME_SPAWN: row('failed_precondition', 500, 1),
  RUNTIME_SANDBOX: row('failed_precondition', 500, 1),
  RUNTIME_USER: row('failed_precondition', 500, 1),
  RUNTIME_STOP: row('failed_precondition', 500, 1, true),
  RUNTIME_HEALTH_TYPE: row('failed_precondition', 409, 6),
  RUNTIME_HEALTH_SPEC: row('failed_precondition', 409, 6),
  // What the far side of a log sink says to a batch
  SINK_REFUSED: row('invalid_argument', 400, 1),
  SINK_DENIED: row('permission_denied', 403, 1),
  SINK_UNAVAILABLE: row('unavailable', 503, 1, true),
  // State on disk
  STATE_LOCKED: row('failed_precondition', 409, 1),
  STATE_CORRUPT: row('data_loss', 500, 1),
  STATE_DISK: row('resource_exhausted', 507, 1),
  // Ours
  USAGE: usage,
  FILE_ACCESS: usage,
  CANCELED: row('canceled', 499, 1),
  INTERNAL: row('internal', 500, 1),
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERROR_TABLE

/** A place in a file that the user wrote. `line` and `column` count from 1. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface PlaygroundErrorOptions {
  /** What to do about it, in one sentence. */
  readonly hint?: string | undefined
  /** Facts a program may want: JSON values only, never a secret. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  readonly at?: SourcePosition | undefined
  readonly cause?: unknown
}

const BRAND = Symbol.for('p2p-playground.error')

/** The one error class. `message` says what was wrong; `hint` says what to do. */
export class PlaygroundError extends Error {
  readonly [BRAND] = true
  override readonly name = 'PlaygroundError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>
  readonly at: SourcePosition | undefined

  constructor(code: ErrorCode, message: string, options: PlaygroundErrorOptions = {}) {
    super(
      options.at === undefined ? message : `${formatPosition(options.at)}: ${message}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    this.hint = options.hint
    this.details = options.details ?? {}
    this.at = options.at
  }

  get row(): ErrorRow {
    return ERROR_TABLE[this.code]
  }
}

/** APP_NOT_FOUND of a node that has nothing of what is asked for: no failure where another node has it. */
export function absentApp(message: string, hint?: string): PlaygroundError {
  return new PlaygroundError('APP_NOT_FOUND', message, { hint, details: { absent: true } })
}

/** True for what `absentApp` made, here or on the far side of a call. */
export function isAbsentApp(error: PlaygroundError): boolean {
  return error.code === 'APP_NOT_FOUND' && error.details['absent'] === true
}

/** `file:line:column`, the form that editors and terminals link. */
export function formatPosition(at: SourcePosition): string {
  return `${at.file}:${String(at.line)}:${String(at.column)}`
}

/** True for a PlaygroundError of any copy of core on the disk. */
export function isPlaygroundError(error: unknown): error is PlaygroundError {
  return typeof error === 'object' && error !== null && BRAND in error
}

/** True when `text` is a published code; used where a code arrives over the wire. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, text)
}

/** The text of any thrown value. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Anything thrown, as a PlaygroundError; what is not one becomes `fallback` with the original as cause. */
export function asPlaygroundError(
  error: unknown,
  fallback: ErrorCode = 'INTERNAL',
): PlaygroundError {
  if (isPlaygroundError(error)) return error
  return new PlaygroundError(fallback, errorMessage(error), { cause: error })
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
