import { PlaygroundError, errorMessage, isPlaygroundError } from '@p2p-playground/core'
import type { Grant } from '@p2p-playground/core'

/** The handshake of one connection: begun at most once, and settled in any case. */
export class Passage {
  /** What the other side proved. Rejects with AUTH_MEMBERSHIP. */
  readonly granted: Promise<readonly Grant[]>
  readonly #peer: string
  readonly #resolve: (granted: readonly Grant[]) => void
  readonly #reject: (error: PlaygroundError) => void
  readonly #limit: NodeJS.Timeout
  #outcome: readonly Grant[] | undefined
  #begun = false

  /** @param limitMs until the handshake must have ended, counted from now */
  constructor(peer: string, limitMs: number) {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Grant[]>()
    this.granted = promise
    this.#peer = peer
    this.#resolve = resolve
    this.#reject = reject
    this.#limit = setTimeout(() => {
      const what = this.#begun ? 'finished' : 'begun'
      this.#fail(refusal(`${peer} has not ${what} the handshake in time`))
    }, limitMs)
    this.#limit.unref()
  }

  /** What the other side proved, once it has. */
  get outcome(): readonly Grant[] | undefined {
    return this.#outcome
  }

  /** Runs the handshake, unless one was begun before: false then. */
  begin(handshake: () => Promise<readonly Grant[]>): boolean {
    if (this.#begun) return false
    this.#begun = true
    handshake().then(
      (granted) => {
        clearTimeout(this.#limit)
        this.#outcome = granted
        this.#resolve(granted)
      },
      (error: unknown) => {
        this.#fail(isPlaygroundError(error) ? error : broken(this.#peer, error))
      },
    )
    return true
  }

  /** The connection is gone; nothing changes when the handshake has ended before. */
  connectionClosed(): void {
    this.#fail(broken(this.#peer, new Error('it closed the connection')))
  }

  #fail(error: PlaygroundError): void {
    clearTimeout(this.#limit)
    this.#reject(error)
  }
}

function refusal(message: string, cause?: unknown): PlaygroundError {
  return new PlaygroundError('AUTH_MEMBERSHIP', message, { hint: HINT, cause })
}

function broken(peer: string, error: unknown): PlaygroundError {
  const isStranger = error instanceof Error && error.name === 'UnsupportedProtocolError'
  const why = isStranger ? 'it does not speak our protocol' : errorMessage(error)
  return refusal(`the handshake with ${peer} failed: ${why}`, error)
}

const HINT =
  'Compare the PSK of both machines (p2p.psk), and see whether the other one lists allowed peers (p2p.allowed_peers).'
