import { TLSSocket, connect } from 'node:tls'
import type { SecureContextOptions } from 'node:tls'
import type {
  ConnectionEncrypter,
  MessageStream,
  PeerId,
  PrivateKey,
  SecureConnectionOptions,
  SecuredConnection,
  StreamMuxerFactory,
  Upgrader,
} from '@libp2p/interface'
import { serviceCapabilities } from '@libp2p/interface'
import { PROTOCOL } from '@libp2p/tls'
import { generateCertificate, verifyPeerCertificate } from '@libp2p/tls/utils'
import { TlsChannel } from './tls-channel.js'
import { TlsWire } from './tls-wire.js'

/** ALPN of a peer that chooses its muxer later. */
const NO_MUXER = 'libp2p'

export interface TlsComponents {
  readonly privateKey: PrivateKey
  readonly upgrader: Upgrader
}

/**
 * TLS 1.3 as libp2p has it (https://github.com/libp2p/specs/blob/master/tls/tls.md), with the certificates of `@libp2p/tls`.
 * Only how the bytes get into and out of Node's TLS is ours: in fewer, larger steps (docs/adr/0010).
 */
export function tlsEncrypter(): (components: TlsComponents) => ConnectionEncrypter {
  return (components) => new TlsEncrypter(components)
}

class TlsEncrypter implements ConnectionEncrypter {
  readonly protocol = PROTOCOL
  readonly [Symbol.toStringTag] = 'p2p-playground-tls'
  readonly [serviceCapabilities] = ['@libp2p/connection-encryption']
  readonly #components: TlsComponents
  #certificate: Promise<SecureContextOptions> | undefined

  constructor(components: TlsComponents) {
    this.#components = components
  }

  async secureInbound(
    connection: MessageStream,
    options: SecureConnectionOptions = {},
  ): Promise<SecuredConnection> {
    return this.#secure(connection, 'server', options)
  }

  async secureOutbound(
    connection: MessageStream,
    options: SecureConnectionOptions = {},
  ): Promise<SecuredConnection> {
    return this.#secure(connection, 'client', options)
  }

  async #secure(
    connection: MessageStream,
    role: 'client' | 'server',
    options: SecureConnectionOptions,
  ): Promise<SecuredConnection> {
    const muxers: ReadonlyMap<string, StreamMuxerFactory> =
      options.skipStreamMuxerNegotiation === true
        ? new Map()
        : this.#components.upgrader.getStreamMuxers()
    const settings = {
      ...(await this.#ownCertificate()),
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      // Self-signed: who the peer is, its certificate's extension proves.
      rejectUnauthorized: false,
    } as const
    const wire = new TlsWire(connection)
    const socket =
      role === 'server'
        ? new TLSSocket(wire, {
            ...settings,
            isServer: true,
            requestCert: true,
            ALPNCallback: ({ protocols }) =>
              protocols.find((one) => muxers.has(one)) ?? protocols.find((one) => one === NO_MUXER),
          })
        : connect({ ...settings, socket: wire, ALPNProtocols: [...muxers.keys(), NO_MUXER] })
    try {
      const remotePeer = await handshake(socket, wire, connection, options)
      const streamMuxer =
        typeof socket.alpnProtocol === 'string' ? muxers.get(socket.alpnProtocol) : undefined
      return {
        remotePeer,
        connection: new TlsChannel(connection, wire, socket),
        ...(streamMuxer === undefined ? {} : { streamMuxer }),
      }
    } catch (error) {
      socket.destroy()
      connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  /** One for all connections of this process. */
  async #ownCertificate(): Promise<SecureContextOptions> {
    this.#certificate ??= generateCertificate(this.#components.privateKey)
    return this.#certificate
  }
}

/** Resolves with the PeerID that the other side's certificate proves. */
async function handshake(
  socket: TLSSocket,
  wire: TlsWire,
  connection: MessageStream,
  { signal, remotePeer }: SecureConnectionOptions,
): Promise<PeerId> {
  const { promise: secure, resolve, reject } = Promise.withResolvers<undefined>()
  const onAbort = (): void => {
    reject(new Error('the TLS handshake was not done in time'))
  }
  // Stay for good: an error that nobody listens to would end the process.
  socket.on('error', reject)
  wire.on('error', reject)
  socket.once('close', () => {
    reject(new Error('the connection was closed during the TLS handshake'))
  })
  socket.once('secure', () => {
    resolve(undefined)
  })
  signal?.throwIfAborted()
  signal?.addEventListener('abort', onAbort)
  try {
    await secure
    return await verifyPeerCertificate(socket.getPeerCertificate().raw, remotePeer, connection.log)
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}
