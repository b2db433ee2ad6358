import type { MessageStream } from '@libp2p/interface'
import { AbstractMessageStream } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'

/**
 * Hands what a stream receives straight to `listener`: for every few kilobytes a buffer and an event cost more than the
 * bytes do. What the stream has buffered, or gets while it is paused, comes as usual.
 */
export function receiveDirectly(
  stream: MessageStream,
  listener: (data: Uint8Array | Uint8ArrayList) => void,
): void {
  stream.addEventListener('message', ({ data }) => {
    listener(data)
  })
  if (!(stream instanceof AbstractMessageStream)) return
  const buffer = stream.onData.bind(stream)
  stream.onData = (data) => {
    if (stream.readStatus === 'readable' && stream.readBufferLength === 0) listener(data)
    else buffer(data)
  }
}
