import { ConnectError } from '@connectrpc/connect'
import { PlaygroundError } from '@p2p-playground/core'
import { fromConnectError } from '@p2p-playground/proto'

/** What a failed call means: what the node said, or NODE_UNREACHABLE when the connection broke under it. */
export function callError(error: unknown): PlaygroundError {
  const known = fromConnectError(error)
  const isBroken =
    known.code === 'INTERNAL' &&
    error instanceof ConnectError &&
    !error.isWireError &&
    known !== error.cause
  if (!isBroken) return known
  const message = `the connection broke: ${error.rawMessage}`
  return new PlaygroundError('NODE_UNREACHABLE', message, { cause: error })
}
