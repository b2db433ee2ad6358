import type { Stream } from '@libp2p/interface'
import { Code, createConnectRouter, createContextValues } from '@connectrpc/connect'
import type { ConnectRouter } from '@connectrpc/connect'
import type { UniversalHandler, UniversalServerResponse } from '@connectrpc/connect/protocol'
import { errorMessage } from '@p2p-playground/core'
import type { Clock, Logger } from '@p2p-playground/core'
import { toConnectError, wire } from '@p2p-playground/proto'
import { ByteStream } from '../byte-stream.js'
import { PeerLines } from '../peer-lines.js'
import { CALLER } from './caller.js'
import type { Caller } from './caller.js'
import { MAX_MESSAGE_BYTES, headersFromWire, headersToWire } from './protocol.js'

interface Call {
  readonly url: string
  /** Aborted once the caller is gone. */
  readonly signal: AbortSignal
}

/** Answers calls on streams with the services of a Connect router. */
export class CallServer {
  readonly #handlers = new Map<string, UniversalHandler>()
  readonly #logger: Logger
  readonly #broken: PeerLines

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#logger = logger
    this.#broken = new PeerLines({ clock, logger, event: 'call-broken' })
  }

  register(routes: (router: ConnectRouter) => void): void {
    const router = createConnectRouter({
      grpc: false,
      grpcWeb: false,
      connect: true,
      readMaxBytes: MAX_MESSAGE_BYTES,
      interceptors: [
        (next) => async (request) => {
          try {
            const response = await next(request)
            if (!response.stream) return response
            return { ...response, message: this.#mapped(response.message, request) }
          } catch (error) {
            throw this.#asWireError(error, request)
          }
        },
      ],
    })
    routes(router)
    for (const handler of router.handlers) this.#handlers.set(handler.requestPath, handler)
  }

  /** Serves one call. */
  async serve(stream: Stream, caller: Caller): Promise<void> {
    const bytes = new ByteStream(stream)
    try {
      const request = await bytes.readMessage(wire.CallRequestSchema)
      const handler = this.#handlers.get(request.path)
      if (handler === undefined) {
        await respond(bytes, { status: 404 })
        return
      }
      const response = await handler({
        httpVersion: '2.0',
        url: `http://stream${request.path}`,
        method: 'POST',
        header: headersFromWire(request.headers),
        body: bytes.rest(),
        signal: bytes.closed,
        contextValues: createContextValues().set(CALLER, caller),
      })
      await respond(bytes, response)
    } catch (error) {
      if (!bytes.closed.aborted) {
        this.#broken.add({ peerId: caller.peerId, error: errorMessage(error) })
      }
      bytes.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Logs what was only counted. Idempotent. */
  close(): void {
    this.#broken.close()
  }

  /** A streaming method fails while its messages are read. */
  async *#mapped<Message>(messages: AsyncIterable<Message>, call: Call): AsyncGenerator<Message> {
    try {
      yield* messages
    } catch (error) {
      throw this.#asWireError(error, call)
    }
  }

  #asWireError(error: unknown, { url, signal }: Call): Error {
    const wireError = toConnectError(error)
    // A caller that left is no failure: what it waited for ends with the reset of its stream.
    if (signal.aborted) return wireError
    if (wireError.cause !== undefined && wireError.code === Code.Internal) {
      this.#logger.error('call-failed', { url, error: errorMessage(wireError.cause) })
    }
    return wireError
  }
}

async function respond(bytes: ByteStream, response: UniversalServerResponse): Promise<void> {
  await bytes.writeMessage(wire.CallResponseSchema, {
    status: response.status,
    headers: headersToWire(response.header),
  })
  for await (const chunk of response.body ?? []) await bytes.write(chunk)
  await bytes.end()
}
