import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { PlaygroundError, errorMessage, formatDuration, untilAborted } from '@p2p-playground/core'
import { isQuic, parseAddress } from './addresses.js'
import type { ConnectionGuard } from './auth/guard.js'
import { addQuic } from './libp2p-node.js'
import type { PskRing } from './psk-ring.js'

interface ConnectOptions {
  readonly signal?: AbortSignal | undefined
  /** The connection with that id is taken while it is open. */
  readonly connectionId?: string | undefined
  /** Limit for a new connection, before the handshake: a peer that is away answers none, one that is far needs more time for the rest. */
  readonly connectMs?: number | undefined
}

/** Finds or makes connections on which the handshake has succeeded. */
export class Dialer {
  readonly #libp2p: Libp2p
  readonly #guard: ConnectionGuard
  readonly #ring: PskRing | undefined
  readonly #allowed: ReadonlySet<string>
  readonly #addressesOf: (peerId: string) => readonly string[]
  #quic: Promise<void> | undefined

  constructor(options: {
    readonly libp2p: Libp2p
    readonly guard: ConnectionGuard
    readonly ring: PskRing | undefined
    /** PeerIDs; empty: all. */
    readonly allowedPeers: readonly string[]
    readonly addressesOf: (peerId: string) => readonly string[]
    /** The node was made with QUIC. */
    readonly hasQuic: boolean
  }) {
    this.#libp2p = options.libp2p
    this.#guard = options.guard
    this.#ring = options.ring
    this.#allowed = new Set(options.allowedPeers)
    this.#addressesOf = options.addressesOf
    if (options.hasQuic) this.#quic = Promise.resolve()
  }

  /** @throws NODE_ADDRESS, NODE_UNREACHABLE, AUTH_MEMBERSHIP */
  async connect(
    peerId: string,
    { signal, connectionId, connectMs }: ConnectOptions = {},
  ): Promise<Connection> {
    const peer = parsePeerId(peerId)
    const open = this.#libp2p
      .getConnections(peer)
      .filter((connection) => connection.status === 'open')
    const known =
      open.find((connection) => connection.id === connectionId) ??
      open.find((connection) => this.#guard.outcome(connection) !== undefined) ??
      open[0]
    const connection = known ?? (await this.#dial(peerId, signal, connectMs))
    const granted = this.#guard.granted(connection)
    await (signal === undefined ? granted : untilAborted(granted, signal))
    return connection
  }

  /** By TCP where there is such an address; QUIC costs more and comes second. */
  async #dial(peerId: string, caller?: AbortSignal, connectMs?: number): Promise<Connection> {
    if (this.#allowed.size > 0 && !this.#allowed.has(peerId)) {
      throw new PlaygroundError('AUTH_MEMBERSHIP', `${peerId} is not in p2p.allowed_peers`, {
        hint: 'Add it to p2p.allowed_peers, or remove the list to allow every member.',
      })
    }
    const addresses = this.#addressesOf(peerId)
    const isTcp = (address: string): boolean => !isQuic(address)
    const ways = [
      ...(this.#ring?.psks ?? [undefined]).map(() => addresses.filter(isTcp)),
      addresses.filter(isQuic),
    ].filter((way) => way.length > 0)
    const limit = connectMs === undefined ? undefined : AbortSignal.timeout(connectMs)
    const signals = [caller, limit].filter((one) => one !== undefined)
    const signal = signals.length === 0 ? undefined : AbortSignal.any(signals)
    const failures: unknown[] = []
    for (const way of ways) {
      try {
        return await this.#dialAddresses(way, signal)
      } catch (error) {
        caller?.throwIfAborted()
        if (limit?.aborted === true) {
          failures.unshift(new Error(`no answer within ${formatDuration(connectMs ?? 0)}`))
          break
        }
        failures.push(error)
        if (way.some(isTcp)) this.#ring?.turn(peerId)
      }
    }
    throw unreachable(peerId, addresses, failures)
  }

  async #dialAddresses(addresses: readonly string[], signal?: AbortSignal): Promise<Connection> {
    if (addresses.some(isQuic)) await (this.#quic ??= addQuic(this.#libp2p))
    return this.#libp2p.dial(addresses.map(parseAddress), signal === undefined ? {} : { signal })
  }
}

/** @throws NODE_ADDRESS */
function parsePeerId(peerId: string): PeerId {
  try {
    return peerIdFromString(peerId)
  } catch (cause) {
    throw new PlaygroundError('NODE_ADDRESS', `${peerId} is no PeerID`, {
      hint: 'A PeerID begins with 12D3Koo; "p2p-playground node list" shows those that are known.',
      cause,
    })
  }
}

function unreachable(
  peerId: string,
  addresses: readonly string[],
  failures: readonly unknown[],
): PlaygroundError {
  const [cause] = failures
  const end = `/p2p/${peerId}`
  const short = addresses.map((one) => (one.endsWith(end) ? one.slice(0, -end.length) : one))
  const tried = addresses.length === 0 ? '' : ` at ${short.join(', ')}`
  const why = cause === undefined ? 'no address of it is known' : firstMessage(cause)
  return new PlaygroundError('NODE_UNREACHABLE', `cannot reach ${peerId}${tried}: ${why}`, {
    hint: 'Is its daemon running, the address right, and the PSK the same? With another PSK a connection just breaks.',
    cause,
  })
}

function firstMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return errorMessage(error.errors[0])
  return errorMessage(error)
}
