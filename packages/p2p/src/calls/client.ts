import type { Stream } from '@libp2p/interface'
import type { Transport } from '@connectrpc/connect'
import type { UniversalClientFn } from '@connectrpc/connect/protocol'
import { createTransport } from '@connectrpc/connect/protocol-connect'
import { PlaygroundError, errorMessage } from '@p2p-playground/core'
import { wire } from '@p2p-playground/proto'
import { ByteStream } from '../byte-stream.js'
import { MAX_MESSAGE_BYTES, headersFromWire, headersToWire } from './protocol.js'

/** A Connect transport whose every call is a stream of its own. */
export function streamTransport(
  openStream: (signal: AbortSignal | undefined) => Promise<Stream>,
): Transport {
  return createTransport({
    httpClient: streamClient(openStream),
    baseUrl: 'http://stream',
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: Number.MAX_SAFE_INTEGER,
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_MESSAGE_BYTES,
  })
}

function streamClient(
  openStream: (signal: AbortSignal | undefined) => Promise<Stream>,
): UniversalClientFn {
  return async (request) => {
    const stream = await openStream(request.signal)
    const bytes = new ByteStream(stream)
    const onAbort = (): void => {
      bytes.abort(new Error('the call was cancelled'))
    }
    request.signal?.addEventListener('abort', onAbort, { once: true })
    const done = (): void => {
      request.signal?.removeEventListener('abort', onAbort)
    }
    try {
      const sending = send(bytes, request)
      // A failure to send shows when the answer is read.
      sending.catch(() => undefined)
      const response = await bytes.readMessage(wire.CallResponseSchema)
      return {
        status: response.status,
        header: headersFromWire(response.headers),
        body: untilDone(bytes, done, request.signal),
        trailer: new Headers(),
      }
    } catch (error) {
      done()
      bytes.abort(error instanceof Error ? error : new Error(String(error)))
      throw broken(error, request.signal)
    }
  }
}

async function send(bytes: ByteStream, request: Parameters<UniversalClientFn>[0]): Promise<void> {
  await bytes.writeMessage(wire.CallRequestSchema, {
    path: new URL(request.url).pathname,
    headers: headersToWire(request.header),
  })
  for await (const chunk of request.body ?? []) await bytes.write(chunk)
  await bytes.end()
}

async function* untilDone(
  bytes: ByteStream,
  done: () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let ended = false
  try {
    yield* bytes.rest()
    ended = true
  } catch (error) {
    throw broken(error, signal)
  } finally {
    done()
    if (!ended) bytes.abort(new Error('the answer is no longer wanted'))
  }
}

/** A call that was given up fails with the reason of its signal, any other with NODE_UNREACHABLE. */
function broken(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason
  return new PlaygroundError('NODE_UNREACHABLE', `the call broke off: ${errorMessage(error)}`, {
    hint: 'The node may be stopping or the network failing; try again.',
    cause: error,
  })
}
