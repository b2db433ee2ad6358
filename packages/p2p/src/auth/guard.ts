import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { PlaygroundError, asPlaygroundError, errorMessage } from '@p2p-playground/core'
import type { ErrorCode, Logger } from '@p2p-playground/core'
import { AUTH_PROTOCOL, shakeAsDialer, shakeAsListener } from './handshake.js'
import type { HandshakeContext } from './handshake.js'
import type { GrantedRoles } from './proofs.js'

/** A connection that was refused. */
export interface Refusal {
  readonly peerId: string
  readonly code: ErrorCode
  readonly message: string
}

interface Entry {
  readonly granted: Promise<GrantedRoles>
  readonly settle: (outcome: Promise<GrantedRoles>) => void
  done: boolean
  outcome: GrantedRoles | undefined
}

/** Keeps, per connection, whether the handshake was passed; a connection that has not in time is closed. */
export class ConnectionGuard {
  readonly #context: HandshakeContext
  readonly #logger: Logger
  readonly #limitMs: number
  readonly #entries = new Map<string, Entry>()
  readonly #listeners = new Set<(refusal: Refusal) => void>()

  constructor(options: {
    readonly context: HandshakeContext
    readonly logger: Logger
    /** Until a connection must have passed. */
    readonly limitMs: number
  }) {
    this.#context = options.context
    this.#logger = options.logger
    this.#limitMs = options.limitMs
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
      this.#opened(event.detail)
    })
    libp2p.addEventListener('connection:close', (event) => {
      this.#entries.delete(event.detail.id)
    })
  }

  /** What the other side proved; waits for a handshake that is under way. @throws AUTH_MEMBERSHIP */
  async granted(connection: Connection): Promise<GrantedRoles> {
    return this.#entryOf(connection).granted
  }

  /** What the other side proved, when it has. */
  outcome(connection: Connection): GrantedRoles | undefined {
    return this.#entries.get(connection.id)?.outcome
  }

  onRefusal(listener: (refusal: Refusal) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #opened(connection: Connection): void {
    const entry = this.#entryOf(connection)
    if (connection.direction === 'outbound') entry.settle(this.#dial(connection))
  }

  async #dial(connection: Connection): Promise<GrantedRoles> {
    const signal = AbortSignal.timeout(this.#limitMs)
    const stream = await connection.newStream(AUTH_PROTOCOL, {
      signal,
      runOnLimitedConnection: true,
    })
    return shakeAsDialer(connection, stream, this.#context)
  }

  #listen(stream: Stream, connection: Connection): void {
    const entry = this.#entryOf(connection)
    if (connection.direction !== 'inbound' || entry.done) {
      stream.abort(new Error('the handshake is the dialer’s to begin, once'))
      return
    }
    entry.settle(shakeAsListener(connection, stream, this.#context))
  }

  #entryOf(connection: Connection): Entry {
    const known = this.#entries.get(connection.id)
    if (known !== undefined) return known
    const { promise, resolve, reject } = Promise.withResolvers<GrantedRoles>()
    const timer = setTimeout(() => {
      const message = `${connection.remotePeer.toString()} has not begun the handshake in time`
      entry.settle(Promise.reject(new PlaygroundError('AUTH_MEMBERSHIP', message)))
    }, this.#limitMs)
    timer.unref()
    const entry: Entry = {
      granted: promise,
      done: false,
      outcome: undefined,
      settle: (outcome) => {
        if (entry.done) {
          outcome.catch(() => undefined)
          return
        }
        entry.done = true
        const limit = setTimeout(() => {
          reject(new PlaygroundError('AUTH_MEMBERSHIP', 'the handshake was not finished in time'))
        }, this.#limitMs)
        limit.unref()
        outcome.then(resolve, reject).finally(() => {
          clearTimeout(limit)
        })
      },
    }
    promise
      .then(
        (granted) => {
          entry.outcome = granted
        },
        (error: unknown) => {
          this.#refuse(connection, error)
        },
      )
      .finally(() => {
        clearTimeout(timer)
      })
    this.#entries.set(connection.id, entry)
    return entry
  }

  #refuse(connection: Connection, error: unknown): void {
    if (connection.status !== 'open') return
    const { code, message } = asPlaygroundError(error, 'AUTH_MEMBERSHIP')
    const refusal = { peerId: connection.remotePeer.toString(), code, message }
    this.#logger.warn('connection-refused', { ...refusal })
    for (const listener of this.#listeners) listener(refusal)
    connection.close({ signal: AbortSignal.timeout(500) }).catch((cause: unknown) => {
      connection.abort(new Error(errorMessage(cause)))
    })
  }
}
