import { identify } from '@libp2p/identify'
import type { Connection, ConnectionGater, Libp2p } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tlsEncrypter } from './tls/tls-encrypter.js'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { Identity } from './identity.js'
import { pskProtector } from './psk-protector.js'
import type { PskRing } from './psk-ring.js'

/** A fleet may sit behind one address and come all at once. */
const MAX_CONNECTIONS = 2000
const WINDOW_BYTES = 4 * 1024 * 1024
const IDLE_SOCKET_MS = 10 * 60_000

/**
 * yamux for many streams. A paused stream may still be sent a whole window, and one that is sent more than its read
 * buffer holds is reset: so the buffer is larger than the window ever grows.
 */
export function boundedYamux(): ReturnType<typeof yamux> {
  return yamux({
    maxInboundStreams: 2048,
    maxOutboundStreams: 2048,
    streamOptions: {
      initialStreamWindowSize: WINDOW_BYTES / 4,
      maxStreamWindowSize: WINDOW_BYTES,
      maxReadBufferLength: 2 * WINDOW_BYTES,
    },
  })
}

/** TCP with TLS 1.3 and yamux, under pnet when there is a PSK; QUIC v1 when an address asks for it. */
export async function createNode(options: {
  readonly identity: Identity
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  /** Undefined: an open network. */
  readonly psks: PskRing | undefined
  readonly allowedPeers: readonly string[]
  /** A peer that is not among them wanted to connect. */
  readonly onDenied: (peerId: string) => void
  /** Settles when the other side of a connection may be told about this one; rejects when it may not. */
  readonly admitted: (connection: Connection) => Promise<unknown>
  readonly agent: string
  readonly quic: boolean
}): Promise<Libp2p> {
  const { psks } = options
  const transports = [
    tcp({
      inboundSocketInactivityTimeout: IDLE_SOCKET_MS,
      outboundSocketInactivityTimeout: IDLE_SOCKET_MS,
    }),
    ...(options.quic ? [await quicTransport()] : []),
  ]
  return createLibp2p({
    start: false,
    nodeInfo: { name: 'p2p-playground', userAgent: options.agent },
    privateKey: options.identity.privateKey,
    addresses: { listen: [...options.listen], announce: [...options.announce] },
    transports,
    ...(psks === undefined ? {} : { connectionProtector: pskProtector(psks) }),
    connectionEncrypters: [tlsEncrypter()],
    streamMuxers: [boundedYamux()],
    services: {
      identify: admittedOnly(identify(), options.admitted),
      ping: admittedOnly(ping(), options.admitted),
    },
    connectionGater: gate(options.allowedPeers, options.onDenied),
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

/** Lets a node that was made without QUIC dial by it. */
export async function addQuic(libp2p: Libp2p): Promise<void> {
  const { components } = libp2p as unknown as {
    components: Parameters<ReturnType<typeof tcp>>[0] & {
      transportManager: { add(transport: unknown): void }
    }
  }
  components.transportManager.add((await quicTransport())(components))
}

/** Holds on TCP and QUIC alike: PeerIDs are proved by TLS before this is asked. */
function gate(
  allowedPeers: readonly string[],
  onDenied: (peerId: string) => void,
): ConnectionGater {
  // Private addresses are what we dial most of the time.
  if (allowedPeers.length === 0) return { denyDialMultiaddr: () => false }
  const allowed = new Set(allowedPeers)
  return {
    denyDialMultiaddr: () => false,
    denyDialPeer: (peer) => !allowed.has(peer.toString()),
    denyInboundEncryptedConnection: (peer) => {
      const denied = !allowed.has(peer.toString())
      if (denied) onDenied(peer.toString())
      return denied
    },
    denyOutboundEncryptedConnection: (peer) => !allowed.has(peer.toString()),
  }
}

type Registrar = Parameters<ReturnType<typeof ping>>[0]['registrar']

/** A libp2p service that answers only on connections that passed the handshake. */
function admittedOnly<Components extends { readonly registrar: Registrar }, Service>(
  create: (components: Components) => Service,
  admitted: (connection: Connection) => Promise<unknown>,
): (components: Components) => Service {
  return (components) => {
    const handle: Registrar['handle'] = async (protocol, handler, options) => {
      const guarded: typeof handler = async (stream, connection) => {
        await admitted(connection)
        await handler(stream, connection)
      }
      await components.registrar.handle(protocol, guarded, options)
    }
    const registrar = withOwn(components.registrar, 'handle', handle)
    return create(withOwn(components, 'registrar', registrar))
  }
}

/** `target` as it is, but for one property. */
function withOwn<Target extends object, Key extends keyof Target>(
  target: Target,
  key: Key,
  value: Target[Key],
): Target {
  return new Proxy(target, {
    get: (from, name) => {
      if (name === key) return value
      const found: unknown = Reflect.get(from, name)
      return typeof found === 'function' ? (found.bind(from) as unknown) : found
    },
  })
}
