import { randomBytes } from 'node:crypto'
import type { AbortOptions, ConnectionProtector, MultiaddrConnection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, byteStream } from '@libp2p/utils'
import type { SendResult } from '@libp2p/utils'
import sodium from 'sodium-native'
import type { Uint8ArrayList } from 'uint8arraylist'
import { receiveDirectly } from './direct-data.js'
import type { PskRing } from './psk-ring.js'

const NONCE_BYTES = 24
const NONCE_TIMEOUT_MS = 10_000

/** What every dialer sends first: the header of multistream-select (https://github.com/multiformats/multistream-select). */
const FIRST_BYTES = Buffer.from('\x13/multistream/1.0.0\n')

/**
 * libp2p's private network on TCP: everything is XORed with XSalsa20 under the PSK and a nonce of each side
 * (https://github.com/libp2p/specs/blob/master/pnet/Private-Networks-PSK-V1.md). Same bytes on the wire as
 * `@libp2p/pnet`, whose WebAssembly cipher breaks when large writes meet several connections.
 * A listener knows the dialer's PSK by its first bytes, so it takes any of the ring's, and a stranger is cut off at once.
 */
export function pskProtector(ring: PskRing): () => ConnectionProtector {
  return () => ({
    protect: async (connection, options) =>
      protect(connection as MultiaddrConnection, ring, options),
  })
}

async function protect(
  connection: MultiaddrConnection,
  ring: PskRing,
  options?: AbortOptions,
): Promise<MultiaddrConnection> {
  const localNonce = randomBytes(NONCE_BYTES)
  const bytes = byteStream(connection)
  const limit = options ?? { signal: AbortSignal.timeout(NONCE_TIMEOUT_MS) }
  const [remoteNonce] = await Promise.all([
    bytes.read({ bytes: NONCE_BYTES, ...limit }),
    bytes.write(localNonce, limit),
  ])
  const nonces = { local: localNonce, remote: remoteNonce.subarray() }
  if (FIRST_BYTES.equals(nonces.remote.subarray(0, FIRST_BYTES.length))) {
    throw cutOff(connection, 'the dialer has no PSK')
  }
  if (connection.direction === 'outbound') {
    bytes.unwrap()
    return new XorConnection(connection, xorWith(ring.forDial(peerOf(connection)), nonces))
  }
  const first = (await bytes.read({ bytes: FIRST_BYTES.length, ...limit })).subarray()
  bytes.unwrap()
  for (const psk of ring.psks) {
    const xor = xorWith(psk, nonces)
    const plain = Buffer.from(first)
    xor.inbound(plain)
    if (plain.equals(FIRST_BYTES)) return new XorConnection(connection, xor, plain)
  }
  throw cutOff(connection, 'the dialer has another PSK')
}

function cutOff(connection: MultiaddrConnection, why: string): Error {
  const error = new Error(why)
  connection.abort(error)
  return error
}

function peerOf(connection: MultiaddrConnection): string | undefined {
  return /\/p2p\/([^/]+)$/.exec(connection.remoteAddr.toString())?.[1]
}

interface XorPair {
  readonly outbound: XorStream
  readonly inbound: XorStream
}

function xorWith(
  psk: Uint8Array,
  nonces: { readonly local: Uint8Array; readonly remote: Uint8Array },
): XorPair {
  return { outbound: xorStream(nonces.local, psk), inbound: xorStream(nonces.remote, psk) }
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

/**
 * What is sent here is either TLS records, made for this one write, or the few bytes of the protocol choice before them,
 * which others may hold on to. Larger chunks are the former and are encrypted in place.
 */
const TLS_OWNS_BYTES = 4096

class XorConnection extends AbstractMultiaddrConnection {
  readonly #below: MultiaddrConnection
  readonly #outbound: XorStream

  /** @param early plain bytes that came already */
  constructor(below: MultiaddrConnection, xor: XorPair, early?: Uint8Array) {
    super({
      log: below.log.newScope('psk'),
      remoteAddr: below.remoteAddr,
      direction: below.direction,
    })
    this.#below = below
    this.#outbound = xor.outbound
    if (early !== undefined) this.onData(early)
    receiveDirectly(below, (data) => {
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
    const sentBytes = data.byteLength
    let canSendMore = true
    for (const chunk of data) {
      const cipher = chunk.byteLength < TLS_OWNS_BYTES ? Uint8Array.from(chunk) : chunk
      this.#outbound(cipher)
      canSendMore = this.#below.send(cipher)
    }
    return { sentBytes, canSendMore }
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
