import { Code, ConnectError } from '@connectrpc/connect'
import {
  ERROR_TABLE,
  PlaygroundError,
  asPlaygroundError,
  isAbsentApp,
  isErrorCode,
  isPlaygroundError,
} from '@p2p-playground/core'
import type { GrpcStatus } from '@p2p-playground/core'
import { ErrorDetailSchema } from './gen/p2pplayground/node/v1/node_pb.js'

const CODES: Readonly<Record<GrpcStatus, Code>> = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  permission_denied: Code.PermissionDenied,
  unauthenticated: Code.Unauthenticated,
  failed_precondition: Code.FailedPrecondition,
  aborted: Code.Aborted,
  resource_exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  deadline_exceeded: Code.DeadlineExceeded,
  data_loss: Code.DataLoss,
  unimplemented: Code.Unimplemented,
  canceled: Code.Canceled,
  internal: Code.Internal,
}

/** Any failure as it goes over the wire: code and hint as a detail, and nothing of ours that is not meant for others. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error
  const known = asPlaygroundError(error)
  const message = isPlaygroundError(error) ? known.message : 'the node failed; its log says why'
  const value = { code: known.code, hint: known.hint ?? '', absent: isAbsentApp(known) }
  const detail = { desc: ErrorDetailSchema, value }
  return new ConnectError(message, CODES[ERROR_TABLE[known.code].grpc], undefined, [detail], error)
}

/** A failure that came over the wire, with the code that it left with. */
export function fromConnectError(error: unknown): PlaygroundError {
  if (isPlaygroundError(error)) return error
  const known = ConnectError.from(error)
  const detail = known.findDetails(ErrorDetailSchema)[0]
  if (detail !== undefined && isErrorCode(detail.code)) {
    const hint = detail.hint === '' ? undefined : detail.hint
    const details = detail.absent ? { absent: true } : {}
    return new PlaygroundError(detail.code, known.rawMessage, { hint, details, cause: error })
  }
  if (isPlaygroundError(known.cause)) return known.cause
  if (known.code === Code.Canceled) {
    return new PlaygroundError('CANCELED', 'the call was cancelled', { cause: error })
  }
  if (known.code === Code.DeadlineExceeded) {
    return new PlaygroundError('NODE_UNREACHABLE', 'the node did not answer in time', {
      cause: error,
    })
  }
  const isBroken = known.code === Code.Unavailable || known.code === Code.Aborted
  return new PlaygroundError(isBroken ? 'NODE_UNREACHABLE' : 'INTERNAL', known.rawMessage, {
    cause: error,
  })
}
