import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import type { AbortOptions, MessageStream } from '@libp2p/interface'
import { AbstractMessageStream } from '@libp2p/utils'
import type { SendResult } from '@libp2p/utils'
import { Uint8ArrayList } from 'uint8arraylist'
import type { TlsWire } from './tls-wire.js'

/** How much is encrypted in one go: each costs a turn of the event loop, and a larger one leaves the processor's cache. */
const WRITE_BYTES = 256 * 1024
/** Smaller chunks, headers above all, are joined with each other. */
const SMALL_BYTES = 4096

/** The plain side of a TLS connection: hands on at once what was decrypted at once, and encrypts in large writes. */
export class TlsChannel extends AbstractMessageStream {
  readonly #connection: MessageStream
  readonly #socket: TLSSocket
  #arrived: Uint8Array[] = []
  /** Not yet given to the socket. */
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  #isWriting = false
  #isHeldBack = false
  #closing: Promise<void> | undefined

  constructor(connection: MessageStream, wire: TlsWire, socket: TLSSocket) {
    super({
      log: connection.log,
      inactivityTimeout: connection.inactivityTimeout,
      maxReadBufferLength: connection.maxReadBufferLength,
      direction: connection.direction,
    })
    this.#connection = connection
    this.#socket = socket
    if (socket.closed) this.#closing = Promise.resolve()
    wire.onPassedOn = () => {
      this.#deliver()
    }
    socket.on('data', (chunk: Uint8Array) => {
      this.#arrived.push(chunk)
      if (!wire.isPassingOn) this.#deliver()
    })
    socket.on('error', (error: Error) => {
      connection.abort(error)
    })
    socket.on('close', () => {
      this.#closing = connection.close().catch((error: unknown) => {
        connection.abort(error instanceof Error ? error : new Error(String(error)))
      })
    })
    connection.addEventListener('close', (event) => {
      socket.destroy()
      if (event.error === undefined) this.onTransportClosed()
      else if (event.local === true) this.abort(event.error)
      else this.onRemoteReset()
    })
  }

  override async close(options?: AbortOptions): Promise<void> {
    if (this.#closing === undefined) {
      const closed = once(this.#socket, 'close', options)
      for (const chunk of this.#queue.splice(0)) this.#socket.write(chunk)
      this.#socket.destroySoon()
      await closed
    }
    // The socket's end is not yet the connection's.
    await this.#closing
  }

  override sendData(data: Uint8ArrayList): SendResult {
    const sentBytes = data.byteLength
    this.#queue.push(...data)
    this.#queuedBytes += sentBytes
    this.#isHeldBack ||= this.#queuedBytes >= WRITE_BYTES
    if (!this.#isWriting) this.#writeNext()
    return { sentBytes, canSendMore: !this.#isHeldBack }
  }

  override sendReset(error: Error): void {
    this.#socket.destroy()
    // The socket would close it in peace.
    this.#connection.abort(error)
  }

  override sendPause(): void {
    this.#socket.pause()
  }

  override sendResume(): void {
    this.#socket.resume()
  }

  #deliver(): void {
    if (this.#arrived.length === 0) return
    const all = new Uint8ArrayList(...this.#arrived)
    this.#arrived = []
    this.onData(all)
  }

  /** One write at a time: the socket would join what waits with a copy of it all. False when nothing waits. */
  #writeNext(): boolean {
    const chunk = this.#take()
    if (chunk === undefined) return false
    this.#queuedBytes -= chunk.length
    this.#isWriting = true
    this.#socket.write(chunk, (error) => {
      this.#isWriting = false
      // Then the socket says why, and closes.
      if (error) return
      if (this.#writeNext() || !this.#isHeldBack) return
      // All is with the connection now, so that a stream which waits for this before it closes loses nothing.
      this.#isHeldBack = false
      this.onMuxerDrain()
    })
    return true
  }

  #take(): Uint8Array | undefined {
    const first = this.#queue.shift()
    if (first === undefined) return undefined
    if (first.length > WRITE_BYTES) {
      this.#queue.unshift(first.subarray(WRITE_BYTES))
      return first.subarray(0, WRITE_BYTES)
    }
    if (first.length >= SMALL_BYTES) return first
    const small = this.#queue.findIndex((chunk) => chunk.length >= SMALL_BYTES)
    const more = this.#queue.splice(0, small === -1 ? this.#queue.length : small)
    return more.length === 0 ? first : Buffer.concat([first, ...more])
  }
}
