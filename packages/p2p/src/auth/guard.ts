import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { PlaygroundError, asPlaygroundError, errorMessage, rolesOf } from '@p2p-playground/core'
import type { Grant, Logger } from '@p2p-playground/core'
import { PeerLines } from '../peer-lines.js'
import { AUTH_PROTOCOL, shakeAsDialer, shakeAsListener } from './handshake.js'
import type { HandshakeContext } from './handshake.js'
import { Passage } from './passage.js'
import type { Refusals } from './refusals.js'
import { STRANGERS, StrangerConnections } from './stranger-connections.js'
import type { StrangerNumbers } from './stranger-connections.js'
import { StrangerLimits } from './stranger-limits.js'

/** Keeps, per connection, whether the handshake was passed; a connection that has not in time is closed. */
export class ConnectionGuard {
  readonly #context: HandshakeContext
  readonly #refusals: Refusals
  readonly #limitMs: number
  readonly #limits = new StrangerLimits()
  readonly #strangers: StrangerConnections
  readonly #surplus: PeerLines
  readonly #passages = new Map<string, Passage>()

  constructor(options: {
    readonly context: HandshakeContext
    readonly refusals: Refusals
    /** Until a connection must have passed. */
    readonly limitMs: number
    readonly strangers: StrangerNumbers | undefined
    readonly logger: Logger
  }) {
    this.#context = options.context
    this.#refusals = options.refusals
    this.#limitMs = options.limitMs
    this.#strangers = new StrangerConnections(options.strangers ?? STRANGERS)
    const { clock } = options.context
    this.#surplus = new PeerLines({ clock, logger: options.logger, event: 'strangers-closed' })
  }

  /** Begins to watch the connections of a host. */
  async attach(libp2p: Libp2p): Promise<void> {
    await libp2p.handle(
      AUTH_PROTOCOL,
      (stream, connection) => {
        this.#listen(stream, connection)
      },
      { maxInboundStreams: 4, runOnLimitedConnection: true },
    )
    libp2p.addEventListener('connection:open', (event) => {
      const connection = event.detail
      this.#limits.watch(connection)
      const passage = this.#passageOf(connection)
      if (connection.direction === 'inbound' && passage !== undefined) {
        this.#strangers.add(connection)
        this.#giveUpSurplus()
      }
      if (connection.direction === 'outbound') passage?.begin(() => this.#dial(connection))
    })
    libp2p.addEventListener('connection:close', (event) => {
      this.#passages.get(event.detail.id)?.connectionClosed()
      this.#passages.delete(event.detail.id)
      this.#strangers.remove(event.detail)
    })
  }

  /** What the other side proved, by keys that may have ended since; waits for a handshake that is under way. @throws AUTH_MEMBERSHIP */
  async granted(connection: Connection): Promise<readonly Grant[]> {
    const passage = this.#passageOf(connection)
    if (passage !== undefined) return passage.granted
    throw new PlaygroundError(
      'NODE_UNREACHABLE',
      `the connection to ${connection.remotePeer.toString()} is closed`,
    )
  }

  /** The same, when it has. */
  outcome(connection: Connection): readonly Grant[] | undefined {
    return this.#passages.get(connection.id)?.outcome
  }

  /** Logs what was only counted. Idempotent. */
  close(): void {
    this.#refusals.close()
    this.#surplus.close()
  }

  async #dial(connection: Connection): Promise<readonly Grant[]> {
    const stream = await connection.newStream(AUTH_PROTOCOL, {
      signal: AbortSignal.timeout(this.#limitMs),
      runOnLimitedConnection: true,
    })
    return shakeAsDialer(connection, stream, this.#context)
  }

  #listen(stream: Stream, connection: Connection): void {
    const isOurs =
      connection.direction === 'inbound' &&
      this.#passageOf(connection)?.begin(() => shakeAsListener(connection, stream, this.#context))
    if (isOurs !== true) stream.abort(new Error('the handshake is the dialer’s to begin, once'))
  }

  /** Undefined for a connection that is closed: nothing would ever remove what was kept for it. */
  #passageOf(connection: Connection): Passage | undefined {
    const known = this.#passages.get(connection.id)
    if (known !== undefined || connection.status !== 'open') return known
    const passage = new Passage(connection.remotePeer.toString(), this.#limitMs)
    passage.granted.then(
      (granted) => {
        if (rolesOf(granted).length > 0) {
          this.#limits.trust(connection)
          this.#strangers.remove(connection)
        } else {
          this.#strangers.passed(connection)
          this.#giveUpSurplus()
        }
      },
      (error: unknown) => {
        this.#refuse(connection, error)
      },
    )
    this.#passages.set(connection.id, passage)
    return passage
  }

  #refuse(connection: Connection, error: unknown): void {
    if (connection.status !== 'open') return
    const { code, message } = asPlaygroundError(error, 'AUTH_MEMBERSHIP')
    this.#refusals.report({ peerId: connection.remotePeer.toString(), code, message })
    end(connection)
  }

  #giveUpSurplus(): void {
    for (;;) {
      const connection = this.#strangers.surplus()
      if (connection === undefined) return
      this.#strangers.remove(connection)
      end(connection)
      this.#surplus.add({ closed: 1 })
    }
  }
}

function end(connection: Connection): void {
  connection.close({ signal: AbortSignal.timeout(CLOSE_MS) }).catch((cause: unknown) => {
    connection.abort(new Error(errorMessage(cause)))
  })
}

/** For the verdict to reach the other side. */
const CLOSE_MS = 500
