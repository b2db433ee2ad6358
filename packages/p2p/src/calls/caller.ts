import { createContextKey } from '@connectrpc/connect'
import type { HandlerContext } from '@connectrpc/connect'
import type { Grant } from '@p2p-playground/core'

/** Who calls, as the handshake of its connection proved. */
export interface Caller {
  readonly peerId: string
  /** Of the connection that the call came over: programs of one home share a PeerID. */
  readonly connectionId: string
  /** Of each key that it proved and that is valid now: a connection outlives keys, so each question asks anew. */
  readonly grants: () => readonly Grant[]
}

export const CALLER = createContextKey<Caller>({ peerId: '', connectionId: '', grants: () => [] })

/** The caller of a service method that was called over a stream. */
export function callerOf(context: HandlerContext): Caller {
  return context.values.get(CALLER)
}
