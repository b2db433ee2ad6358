import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { ConnectRouter, Transport } from '@connectrpc/connect'
import { peerIdFromString } from '@libp2p/peer-id'
import { PlaygroundError, errorMessage, rolesOf, validGrants } from '@p2p-playground/core'
import type { Clock, Discovery, Grant, Logger, PeerCandidate, Role } from '@p2p-playground/core'
import { revokedFingerprints } from '@p2p-playground/core/bundle'
import type { SigningKey, TrustedKey } from '@p2p-playground/core/bundle'
import { ipOf, isOwnIp, isQuic, peerIdOf } from './addresses.js'
import { ConnectionGuard } from './auth/guard.js'
import { Refusals } from './auth/refusals.js'
import type { Refusal } from './auth/refusals.js'
import type { StrangerNumbers } from './auth/stranger-connections.js'
import { streamTransport } from './calls/client.js'
import { CALL_PROTOCOL } from './calls/protocol.js'
import { CallServer } from './calls/server.js'
import { Dialer } from './dialer.js'
import { watchAll } from './discovery/watch-all.js'
import type { Identity } from './identity.js'
import { createNode } from './libp2p-node.js'
import { listenError } from './listen-error.js'
import { PeerBook } from './peer-book.js'
import { PskRing } from './psk-ring.js'
import { fetchPieces } from './transfer/fetch-pieces.js'
import type { FetchRequest, FetchResult } from './transfer/fetch-pieces.js'
import { PIECES_PROTOCOL, PieceServer } from './transfer/piece-server.js'

export interface HostOptions {
  readonly identity: Identity
  readonly listen: readonly string[]
  readonly announce?: readonly string[]
  /** 32 bytes each. None: an open network. Two while rotating: either is taken, the first is dialled with first. */
  readonly psk?: readonly Uint8Array[]
  /** PeerIDs; empty: all that pass the handshake. */
  readonly allowedPeers?: readonly string[]
  readonly agent: string
  /** From plugins. */
  readonly discoveries: ReadonlyMap<string, Discovery>
  /** Told when one begins to fail; it is asked again. */
  readonly onDiscoveryFailure?: (name: string, error: unknown) => void
  readonly mdns: boolean
  /** Multiaddrs that end in /p2p/PEERID. */
  readonly staticPeers: readonly string[]
  readonly bootstrapPeers: readonly string[]
  readonly trustedKeys: readonly TrustedKey[]
  readonly revokedKeys?: readonly string[]
  /** What this side can prove. */
  readonly roleKeys?: readonly SigningKey[]
  readonly logger: Logger
  readonly clock: Clock
  /** Default 5 s. */
  readonly handshakeTimeoutMs?: number
  /** Connections kept of peers that have proved no role. Default 256 idle ones, 1,000 in all. */
  readonly strangers?: StrangerNumbers
}

/** A peer as this host sees it. */
export interface PeerView extends PeerCandidate {
  readonly connected: boolean
  readonly authenticated: boolean
  readonly roles: readonly Role[]
}

const HANDSHAKE_MS = 5000
const PROTOCOL_LIMITS = { maxInboundStreams: 2048, maxOutboundStreams: 2048 }

/** One libp2p node with our protocols on it, each served only after the handshake. */
export class Host {
  readonly serve: PieceServer
  readonly #options: HostOptions
  readonly #libp2p: Libp2p
  readonly #guard: ConnectionGuard
  readonly #refusals: Refusals
  readonly #dialer: Dialer
  readonly #calls: CallServer
  readonly #book = new PeerBook()
  readonly #stopping = new AbortController()
  #watching: Promise<unknown> | undefined

  constructor(
    options: HostOptions,
    parts: {
      readonly libp2p: Libp2p
      readonly guard: ConnectionGuard
      readonly refusals: Refusals
      readonly ring: PskRing | undefined
    },
  ) {
    this.#options = options
    this.#libp2p = parts.libp2p
    this.#guard = parts.guard
    this.#refusals = parts.refusals
    this.serve = new PieceServer(options)
    this.#calls = new CallServer(options)
    this.#dialer = new Dialer({
      ...parts,
      allowedPeers: options.allowedPeers ?? [],
      addressesOf: (peerId) => this.#book.get(peerId)?.addresses ?? [],
      hasQuic: options.listen.some(isQuic),
    })
  }

  get peerId(): string {
    return this.#options.identity.peerId
  }

  /** Multiaddrs that others can dial, each ending in /p2p/PEERID. */
  addresses(): string[] {
    return this.#libp2p.getMultiaddrs().map((address) => address.toString())
  }

  /** Serves Connect services to callers that passed the handshake. */
  handleCalls(routes: (router: ConnectRouter) => void): void {
    this.#calls.register(routes)
  }

  /** @throws NODE_DAEMON_START when it cannot listen on an address */
  async start(): Promise<void> {
    const options = this.#options
    await this.#guard.attach(this.#libp2p)
    await this.#handle(CALL_PROTOCOL, async (stream, connection) => {
      const proved = await this.#guard.granted(connection)
      const grants = (): readonly Grant[] => validGrants(proved, options.clock.now())
      const peerId = connection.remotePeer.toString()
      await this.#calls.serve(stream, { peerId, connectionId: connection.id, grants })
    })
    await this.#handle(PIECES_PROTOCOL, async (stream, connection) => {
      await this.#guard.granted(connection)
      await this.serve.serve(stream)
    })
    try {
      await this.#libp2p.start()
    } catch (error) {
      throw listenError(error)
    }
    const onFailure = options.onDiscoveryFailure ?? (() => undefined)
    const add = this.addAddress.bind(this)
    const watch = { ...options, libp2p: this.#libp2p, add, onFailure }
    this.#watching = watchAll(watch, this.#stopping.signal)
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#watching
    await this.#libp2p.stop()
    this.#guard.close()
    this.#calls.close()
    await this.serve.close()
  }

  /** Candidates and connected peers. */
  peers(): PeerView[] {
    const ids = new Set(this.#book.all().map((peer) => peer.peerId))
    for (const peer of this.#libp2p.getPeers()) ids.add(peer.toString())
    return [...ids].map((peerId) => this.#view(peerId))
  }

  onPeer(listener: (peer: PeerCandidate) => void): () => void {
    return this.#book.onPeer(listener)
  }

  addAddress(candidate: PeerCandidate): void {
    if (candidate.peerId !== this.peerId) this.#book.add(candidate)
  }

  /** Connections that did not pass the handshake. */
  onRefusal(listener: (refusal: Refusal) => void): () => void {
    return this.#refusals.on(listener)
  }

  /**
   * Connects to a multiaddr that ends in /p2p/PEERID, or to a known PeerID, and passes the handshake; gives the PeerID.
   * `connectMs`: limit for the connection alone.
   * @throws NODE_ADDRESS, NODE_UNREACHABLE, AUTH_MEMBERSHIP
   */
  async dial(addressOrPeerId: string, signal: AbortSignal, connectMs?: number): Promise<string> {
    const isAddress = addressOrPeerId.startsWith('/')
    const peerId = isAddress ? peerIdOf(addressOrPeerId) : addressOrPeerId
    if (isAddress && peerId === this.peerId)
      throw new PlaygroundError('NODE_ADDRESS', `${addressOrPeerId} is this host itself`)
    if (isAddress) this.addAddress({ peerId, addresses: [addressOrPeerId], source: 'static' })
    await this.#dialer.connect(peerId, { signal, connectMs })
    return peerId
  }

  /** Calls to one peer, each on a stream of its own; connects when needed. */
  transport(peerId: string): Transport {
    return streamTransport(async (signal) => this.#openStream(peerId, CALL_PROTOCOL, signal))
  }

  /** Gets a package by pieces; see `fetchPieces`. */
  async fetchPieces(request: FetchRequest): Promise<FetchResult> {
    return fetchPieces(request, {
      openStream: (peerId, signal) =>
        this.#openStream(peerId, PIECES_PROTOCOL, signal, request.connections?.get(peerId)),
      clock: this.#options.clock,
    })
  }

  /** IP addresses that we are connected with it at, by itself and not over a relay. */
  ipsOf(peerId: string): string[] {
    const connections = this.#libp2p.getConnections(peerIdFromString(peerId))
    return connections.flatMap(({ remoteAddr }) => ipOf(remoteAddr.toString()) ?? [])
  }

  /** Whether we are connected with it from one address of this machine to another. */
  isOnThisMachine(peerId: string): boolean {
    return this.ipsOf(peerId).some(isOwnIp)
  }

  async #openStream(
    peerId: string,
    protocol: string,
    signal?: AbortSignal,
    connectionId?: string,
  ): Promise<Stream> {
    const connection = await this.#dialer.connect(peerId, { signal, connectionId })
    try {
      return await connection.newStream(protocol, {
        maxOutboundStreams: PROTOCOL_LIMITS.maxOutboundStreams,
        runOnLimitedConnection: true,
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (cause) {
      signal?.throwIfAborted()
      throw new PlaygroundError(
        'NODE_UNREACHABLE',
        `the connection to ${peerId} broke off: ${errorMessage(cause)}`,
        { hint: 'The node may be stopping or the network failing; try again.', cause },
      )
    }
  }

  async #handle(
    protocol: string,
    handler: (stream: Stream, connection: Connection) => Promise<void>,
  ): Promise<void> {
    await this.#libp2p.handle(
      protocol,
      (stream, connection) => {
        handler(stream, connection).catch((error: unknown) => {
          stream.abort(error instanceof Error ? error : new Error(String(error)))
        })
      },
      { ...PROTOCOL_LIMITS, runOnLimitedConnection: true },
    )
  }

  #view(peerId: string): PeerView {
    const connections = this.#libp2p.getConnections(peerIdFromString(peerId))
    const granted = connections
      .map((connection) => this.#guard.outcome(connection))
      .find((one) => one !== undefined)
    const known = this.#book.get(peerId)
    return {
      peerId,
      addresses: known?.addresses ?? [],
      source: known?.source ?? 'inbound',
      connected: connections.length > 0,
      authenticated: granted !== undefined,
      roles: rolesOf(validGrants(granted ?? [], this.#options.clock.now())),
    }
  }
}

/** Makes a host; nothing listens before `start`. */
export async function createHost(options: HostOptions): Promise<Host> {
  const psks = options.psk ?? []
  const ring = psks.length === 0 ? undefined : new PskRing(psks)
  const refusals = new Refusals(options)
  const guard = new ConnectionGuard({
    context: {
      self: options.identity.peerId,
      psks,
      trustedKeys: options.trustedKeys,
      revoked: new Set((options.revokedKeys ?? []).flatMap(revokedFingerprints)),
      roleKeys: options.roleKeys ?? [],
      clock: options.clock,
    },
    refusals,
    limitMs: options.handshakeTimeoutMs ?? HANDSHAKE_MS,
    strangers: options.strangers,
    logger: options.logger,
  })
  const libp2p = await createNode({
    identity: options.identity,
    listen: options.listen,
    announce: options.announce ?? [],
    psks: ring,
    allowedPeers: options.allowedPeers ?? [],
    onDenied: (peerId) => {
      const message = `${peerId} is not in p2p.allowed_peers`
      refusals.report({ peerId, code: 'AUTH_MEMBERSHIP', message })
    },
    admitted: (connection) => guard.granted(connection),
    agent: options.agent,
    quic: options.listen.some(isQuic),
  })
  return new Host(options, { libp2p, guard, refusals, ring })
}
