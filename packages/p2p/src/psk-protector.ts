import { randomBytes } from 'node:crypto'
import type {
  AbortOptions,
  ComponentLogger,
  ConnectionProtector,
  MultiaddrConnection,
} from '@libp2p/interface'
import { AbstractMultiaddrConnection, byteStream } from '@libp2p/utils'
import type { SendResult } from '@libp2p/utils'
import sodium from 'sodium-native'
import type { Uint8ArrayList } from 'uint8arraylist'

const NONCE_BYTES = 24
const NONCE_TIMEOUT_MS = 10_000

/**
 * libp2p's private network on TCP: everything is XORed with XSalsa20 under the PSK and a nonce of each side
 * (https://github.com/libp2p/specs/blob/master/pnet/Private-Networks-PSK-V1.md). Same bytes on the wire as
 * `@libp2p/pnet`, whose WebAssembly cipher breaks when large writes meet several connections.
 */
export function pskProtector(
  psk: Uint8Array,
): (components: { logger: ComponentLogger }) => ConnectionProtector {
  return () => ({
    protect: async (connection, options) =>
      protect(connection as MultiaddrConnection, psk, options),
  })
}

async function protect(
  connection: MultiaddrConnection,
  psk: Uint8Array,
  options?: AbortOptions,
): Promise<MultiaddrConnection> {
  const localNonce = randomBytes(NONCE_BYTES)
  const bytes = byteStream(connection)
  const limit = options ?? { signal: AbortSignal.timeout(NONCE_TIMEOUT_MS) }
  const [remoteNonce] = await Promise.all([
    bytes.read({ bytes: NONCE_BYTES, ...limit }),
    bytes.write(localNonce, limit),
  ])
  bytes.unwrap()
  return new XorConnection(connection, {
    outbound: xorStream(localNonce, psk),
    inbound: xorStream(remoteNonce.subarray(), psk),
  })
}

/** Encrypts or decrypts in place, continuing where the last call ended. */
type XorStream = (data: Uint8Array) => void

function xorStream(nonce: Uint8Array, key: Uint8Array): XorStream {
  const state = Buffer.alloc(sodium.crypto_stream_xor_STATEBYTES)
  sodium.crypto_stream_xor_init(state, nonce, key)
  return (data) => {
    sodium.crypto_stream_xor_update(state, data, data)
  }
}

class XorConnection extends AbstractMultiaddrConnection {
  readonly #below: MultiaddrConnection
  readonly #outbound: XorStream

  constructor(
    below: MultiaddrConnection,
    xor: { readonly outbound: XorStream; readonly inbound: XorStream },
  ) {
    super({
      log: below.log.newScope('psk'),
      remoteAddr: below.remoteAddr,
      direction: below.direction,
    })
    this.#below = below
    this.#outbound = xor.outbound
    below.addEventListener('message', (event) => {
      const { data } = event
      for (const chunk of data instanceof Uint8Array ? [data] : data) {
        // Fresh from the socket and ours alone, so it can be changed in place.
        xor.inbound(chunk)
        this.onData(chunk)
      }
    })
    below.addEventListener('drain', () => {
      this.onMuxerDrain()
    })
    below.addEventListener('close', (event) => {
      if (event.error === undefined) this.onTransportClosed()
      else if (event.local === true) this.abort(event.error)
      else this.onRemoteReset()
    })
  }

  override sendData(data: Uint8ArrayList): SendResult {
    // A copy: whoever sends may still hold the plain bytes.
    const cipher = Buffer.allocUnsafe(data.byteLength)
    let offset = 0
    for (const chunk of data) {
      cipher.set(chunk, offset)
      offset += chunk.byteLength
    }
    this.#outbound(cipher)
    return { sentBytes: cipher.byteLength, canSendMore: this.#below.send(cipher) }
  }

  override sendReset(error: Error): void {
    this.#below.abort(error)
  }

  override async sendClose(options?: AbortOptions): Promise<void> {
    await this.#below.close(options)
  }

  override sendPause(): void {
    this.#below.pause()
  }

  override sendResume(): void {
    this.#below.resume()
  }
}
