import { createContextKey } from '@connectrpc/connect'
import type { HandlerContext } from '@connectrpc/connect'
import type { Role } from '@p2p-playground/core'

/** Who calls, as the handshake of its connection proved. */
export interface Caller {
  readonly peerId: string
  /** Of the connection that the call came over: programs of one home share a PeerID. */
  readonly connectionId: string
  readonly roles: ReadonlySet<Role>
  /** Apps that its roles are for: names or globs. */
  readonly apps: readonly string[]
  /** Names of the keys that proved the roles. */
  readonly keys: readonly string[]
}

export const CALLER = createContextKey<Caller>({
  peerId: '',
  connectionId: '',
  roles: new Set(),
  apps: [],
  keys: [],
})

/** The caller of a service method that was called over a stream. */
export function callerOf(context: HandlerContext): Caller {
  return context.values.get(CALLER)
}
