import { identify } from '@libp2p/identify'
import type { ConnectionGater, Libp2p } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { isQuic } from './addresses.js'
import type { Identity } from './identity.js'
import { pskProtector } from './psk-protector.js'

/** A fleet may sit behind one address and come all at once. */
const MAX_CONNECTIONS = 2000
const WINDOW_BYTES = 4 * 1024 * 1024
const IDLE_SOCKET_MS = 10 * 60_000

/** TCP with TLS 1.3 and yamux, under pnet when there is a PSK; QUIC v1 when an address asks for it. */
export async function createNode(options: {
  readonly identity: Identity
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly psk: Uint8Array | undefined
  readonly allowedPeers: readonly string[]
  readonly agent: string
  readonly quic: boolean
}): Promise<Libp2p> {
  const { psk } = options
  const transports = [
    tcp({
      inboundSocketInactivityTimeout: IDLE_SOCKET_MS,
      outboundSocketInactivityTimeout: IDLE_SOCKET_MS,
    }),
    ...(options.quic || options.listen.some(isQuic) ? [await quicTransport()] : []),
  ]
  return createLibp2p({
    start: false,
    nodeInfo: { name: 'p2p-playground', userAgent: options.agent },
    privateKey: options.identity.privateKey,
    addresses: { listen: [...options.listen], announce: [...options.announce] },
    transports,
    ...(psk === undefined ? {} : { connectionProtector: pskProtector(psk) }),
    connectionEncrypters: [tls()],
    streamMuxers: [
      yamux({
        maxInboundStreams: 2048,
        maxOutboundStreams: 2048,
        streamOptions: {
          initialStreamWindowSize: WINDOW_BYTES / 4,
          maxStreamWindowSize: WINDOW_BYTES,
          maxReadBufferLength: 2 * WINDOW_BYTES,
        },
      }),
    ],
    services: { identify: identify(), ping: ping() },
    connectionGater: gate(options.allowedPeers),
    connectionManager: {
      maxConnections: MAX_CONNECTIONS,
      inboundConnectionThreshold: 500,
      maxIncomingPendingConnections: 500,
      maxParallelDials: 200,
      dialTimeout: 10_000,
    },
    // A busy machine answers late; that is no reason to cut a transfer.
    connectionMonitor: { abortConnectionOnPingFailure: false },
  })
}

async function quicTransport(): Promise<ReturnType<typeof tcp>> {
  const { quic } = await import('@chainsafe/libp2p-quic')
  return quic() as unknown as ReturnType<typeof tcp>
}

/** Holds on TCP and QUIC alike: PeerIDs are proved by TLS before this is asked. */
function gate(allowedPeers: readonly string[]): ConnectionGater {
  if (allowedPeers.length === 0) return { denyDialMultiaddr: () => false }
  const allowed = new Set(allowedPeers)
  return {
    denyDialMultiaddr: () => false,
    denyInboundEncryptedConnection: (peer) => !allowed.has(peer.toString()),
    denyOutboundEncryptedConnection: (peer) => !allowed.has(peer.toString()),
  }
}
