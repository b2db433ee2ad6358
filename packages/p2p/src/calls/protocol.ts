import type { MessageInitShape } from '@bufbuild/protobuf'
import type { wire } from '@p2p-playground/proto'

/** One stream, one call: a header frame, the body until half-close; the same back (docs/adr/0006). */
export const CALL_PROTOCOL = '/p2p-playground/call/1.0.0'

/** Of one message, either way: what a peer sends is held in memory whole. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

type HeaderInit = MessageInitShape<typeof wire.HeaderSchema>

export function headersToWire(headers: Headers | undefined): HeaderInit[] {
  return [...(headers ?? new Headers())].map(([name, value]) => ({ name, value }))
}

export function headersFromWire(
  headers: readonly { readonly name: string; readonly value: string }[],
): Headers {
  return new Headers(headers.map(({ name, value }): [string, string] => [name, value]))
}
