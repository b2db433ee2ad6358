import { PlaygroundError, formatDuration } from '@p2p-playground/core'
import type { Clock, StateStore } from '@p2p-playground/core'
import type { node } from '@p2p-playground/proto'

/** How far a command's time may be from ours, either way. */
const WINDOW_MS = 5 * 60_000
/** From the first moment at which a command may be taken to the last one. */
const KEEP_MS = 2 * WINDOW_MS

/** Takes each command once, only when meant for this node, and only while it is fresh. */
export class CommandGuard {
  readonly #store: Pick<StateStore, 'claimNonce'>
  readonly #clock: Clock
  readonly #self: string

  constructor(options: {
    readonly store: Pick<StateStore, 'claimNonce'>
    readonly clock: Clock
    /** PeerID of this node. */
    readonly self: string
  }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#self = options.self
  }

  /** @throws AUTH_TARGET, AUTH_CLOCK, AUTH_REPLAY */
  check(command: node.Command | undefined, caller: string): void {
    if (command?.nonce.length !== 16) {
      throw new PlaygroundError('AUTH_REPLAY', 'the command carries no nonce of 16 bytes')
    }
    if (command.targetPeerId !== this.#self) {
      throw new PlaygroundError(
        'AUTH_TARGET',
        `the command is for ${command.targetPeerId}, this is ${this.#self}`,
      )
    }
    const nowMs = this.#clock.now()
    const issuedMs = Number(command.issuedAtMs)
    const offMs = Math.abs(nowMs - issuedMs)
    if (offMs > WINDOW_MS) {
      throw new PlaygroundError(
        'AUTH_CLOCK',
        `the command's time is ${formatDuration(offMs)} away from this node's`,
        { hint: 'Set the clocks of both machines (NTP); five minutes are allowed.' },
      )
    }
    const nonce = `${caller}:${Buffer.from(command.nonce).toString('hex')}`
    const outcome = this.#store.claimNonce({
      nonce,
      nowMs,
      bootMs: this.#clock.monotonic(),
      expiresMs: issuedMs + KEEP_MS,
      keepMs: KEEP_MS,
    })
    switch (outcome) {
      case 'new':
        return
      case 'known':
        throw new PlaygroundError('AUTH_REPLAY', 'this command was given before')
      case 'full':
        throw new PlaygroundError(
          'AUTH_REPLAY',
          'too many commands came of late to remember one more, so that it is not taken twice',
          { hint: 'Give fewer commands, and this one again in ten minutes.' },
        )
      default:
        outcome satisfies never
    }
  }
}
