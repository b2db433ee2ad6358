import type { Stream } from '@libp2p/interface'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf'

/** Beyond this much unread data the other side is held back. */
const HIGH_WATER_BYTES = 2 * 1024 * 1024
const LOW_WATER_BYTES = 512 * 1024
/** Header frames and the like; whoever awaits more says so. */
const MAX_FRAME_BYTES = 256 * 1024

/** Reads and writes a libp2p stream with back-pressure both ways. */
export class ByteStream {
  readonly #stream: Stream
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  #isResuming = false
  #remoteEnded = false
  #lost: Error | undefined
  #wake: (() => void) | undefined
  /** Of those who wait to write. */
  #draining: PromiseWithResolvers<undefined> | undefined
  /** Told how many bytes came, as they come. */
  onBytes: ((count: number) => void) | undefined
  readonly #closed = new AbortController()

  constructor(stream: Stream) {
    this.#stream = stream
    stream.addEventListener('message', (event) => {
      const { data } = event
      this.onBytes?.(data.byteLength)
      for (const chunk of data instanceof Uint8Array ? [data] : data) {
        this.#queue.push(chunk)
        this.#queuedBytes += chunk.byteLength
      }
      this.#holdBack()
      this.#wake?.()
    })
    stream.addEventListener('remoteCloseWrite', () => {
      this.#remoteEnded = true
      this.#wake?.()
    })
    stream.addEventListener('drain', () => {
      this.#writeOn()
    })
    stream.addEventListener('close', (event) => {
      this.#onClose(event.error)
    })
    // What happened before anybody listened here.
    if (stream.status !== 'open') this.#onClose(undefined)
    else this.#remoteEnded = stream.remoteWriteStatus === 'closed'
  }

  /** Aborts when the stream is gone, with the reason. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /**
   * The next bytes as they came; undefined at the end of what the other side sends.
   * @throws when the stream was reset, or its connection broke, before that end
   */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#queue.shift()
      if (chunk !== undefined) {
        this.#queuedBytes -= chunk.byteLength
        if (this.#queuedBytes < LOW_WATER_BYTES && isPaused(this.#stream)) this.#resume()
        return chunk
      }
      if (this.#lost !== undefined) throw this.#lost
      // Bytes that came before this object did are delivered in a moment.
      if (this.#remoteEnded && this.#stream.readBufferLength === 0) return undefined
      const { promise, resolve } = Promise.withResolvers<undefined>()
      this.#wake = () => {
        resolve(undefined)
      }
      await promise
      this.#wake = undefined
    }
  }

  /** Exactly `length` bytes, as the parts they came in. @throws when the stream ends before */
  async parts(length: number): Promise<Uint8Array[]> {
    const parts: Uint8Array[] = []
    let have = 0
    while (have < length) {
      const chunk = await this.next()
      if (chunk === undefined) throw new Error('the stream ended in the middle of a message')
      const wanted = chunk.subarray(0, length - have)
      if (wanted.length < chunk.length) this.#putBack(chunk.subarray(wanted.length))
      parts.push(wanted)
      have += wanted.length
    }
    return parts
  }

  /** Fills `target`. @throws when the stream ends before */
  async fill(target: Uint8Array): Promise<void> {
    for (let have = 0; have < target.length;) {
      const chunk = await this.next()
      if (chunk === undefined) throw new Error('the stream ended in the middle of a message')
      const wanted = chunk.subarray(0, target.length - have)
      if (wanted.length < chunk.length) this.#putBack(chunk.subarray(wanted.length))
      target.set(wanted, have)
      have += wanted.length
    }
  }

  /** All that is left. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (let chunk = await this.next(); chunk !== undefined; chunk = await this.next()) yield chunk
  }

  /** One length-prefixed message. @throws when it is longer than `maxBytes` or no such message */
  async readMessage<Desc extends DescMessage>(
    schema: Desc,
    maxBytes = MAX_FRAME_BYTES,
  ): Promise<MessageShape<Desc>> {
    const length = await this.#readVarint()
    if (length > maxBytes) {
      throw new Error(`a message of ${String(length)} bytes came where ${String(maxBytes)} may`)
    }
    return fromBinary(schema, Buffer.concat(await this.parts(length)))
  }

  async writeMessage<Desc extends DescMessage>(
    schema: Desc,
    value: MessageInitShape<Desc>,
  ): Promise<void> {
    const body = toBinary(schema, create(schema, value))
    await this.write(Buffer.concat([varint(body.length), body]))
  }

  /** Resolves when more may be written. @throws when the stream is gone */
  async write(data: Uint8Array): Promise<void> {
    if (this.#stream.send(data)) return
    // Not `stream.onDrain()`: once that has resolved, it does so at once for ever after.
    while (this.#stream.writableNeedsDrain) {
      this.closed.throwIfAborted()
      this.#draining ??= Promise.withResolvers<undefined>()
      await this.#draining.promise
    }
  }

  /** Says that nothing more will be written; the other side may go on. */
  async end(): Promise<void> {
    await this.#stream.close()
  }

  abort(error: Error): void {
    this.#stream.abort(error)
  }

  /** A connection that breaks closes its streams without a word; only half-close is a sound end. */
  #onClose(error: Error | undefined): void {
    if (error !== undefined || !this.#remoteEnded) {
      this.#lost = error ?? new Error('the connection broke off')
    }
    this.#closed.abort(error ?? new Error('the stream was closed'))
    this.#wake?.()
    this.#writeOn()
  }

  #holdBack(): void {
    const isTooMuch = this.#queuedBytes > HIGH_WATER_BYTES
    if (isTooMuch && !this.#isResuming && isReadable(this.#stream)) this.#stream.pause()
  }

  /**
   * What was buffered comes at once, and may be too much again. The stream would take a pause in the middle of that back, and
   * be sent more than it can hold.
   */
  #resume(): void {
    this.#isResuming = true
    this.#stream.resume()
    this.#isResuming = false
    this.#holdBack()
  }

  #writeOn(): void {
    this.#draining?.resolve(undefined)
    this.#draining = undefined
  }

  #putBack(chunk: Uint8Array): void {
    this.#queue.unshift(chunk)
    this.#queuedBytes += chunk.byteLength
  }

  /** Unsigned varint (https://github.com/multiformats/unsigned-varint), at most five bytes. */
  async #readVarint(): Promise<number> {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const [part] = await this.parts(1)
      const byte = part?.[0] ?? 0
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new Error('a peer sent an unsound length')
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

function isReadable(stream: Stream): boolean {
  return stream.readStatus === 'readable'
}

function isPaused(stream: Stream): boolean {
  return stream.readStatus === 'paused'
}
