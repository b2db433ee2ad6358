import { Duplex } from 'node:stream'
import type { MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { receiveDirectly } from '../direct-data.js'

type Done = (error?: Error | null) => void

/** The encrypted side: what Node's TLS reads from and writes to where it does not own the socket. */
export class TlsWire extends Duplex {
  readonly #connection: MessageStream
  #isPassingOn = false
  #isHeld = true
  /** Of the write that waits until the connection takes more. */
  #waiting: Done | undefined
  /** Called when all that came at once has been decrypted. */
  onPassedOn: (() => void) | undefined

  constructor(connection: MessageStream) {
    super()
    this.#connection = connection
    connection.pause()
    receiveDirectly(connection, (data) => {
      this.#passOn(data)
    })
    connection.addEventListener('drain', () => {
      this.#written()
    })
    connection.addEventListener('close', ({ error }) => {
      this.#written(error ?? new Error('the connection was closed'))
      this.destroy(error)
    })
  }

  /** True while what came is being decrypted: more of it follows before `onPassedOn`. */
  get isPassingOn(): boolean {
    return this.#isPassingOn
  }

  override pause(): this {
    if (!this.#isHeld && this.#connection.status === 'open') this.#connection.pause()
    this.#isHeld = true
    return super.pause()
  }

  override resume(): this {
    super.resume()
    if (this.#isHeld && this.#connection.status === 'open') this.#connection.resume()
    this.#isHeld = false
    return this
  }

  /** What comes is not asked for: see `#passOn`. */
  override _read(): void {
    // Nothing to do.
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#send(chunk, done)
  }

  override _writev(chunks: { readonly chunk: Uint8Array }[], done: Done): void {
    this.#send(new Uint8ArrayList(...chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: Done): void {
    this.#connection.close().then(() => {
      done()
    }, done)
  }

  /** Past the buffer of `Readable`, whose upkeep costs as much as the decryption: whoever pauses this pauses the connection. */
  #passOn(data: Uint8Array | Uint8ArrayList): void {
    this.#isPassingOn = true
    for (const chunk of data instanceof Uint8Array ? [data] : data) this.emit('data', chunk)
    this.#isPassingOn = false
    this.onPassedOn?.()
  }

  #send(data: Uint8Array | Uint8ArrayList, done: Done): void {
    try {
      if (this.#connection.send(data)) done()
      else this.#waiting = done
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #written(error?: Error): void {
    const done = this.#waiting
    this.#waiting = undefined
    done?.(error)
  }
}
