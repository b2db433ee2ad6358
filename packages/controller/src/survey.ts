import { Code, ConnectError, createClient } from '@connectrpc/connect'
import type { Client } from '@connectrpc/connect'
import { PlaygroundError } from '@p2p-playground/core'
import type { Clock } from '@p2p-playground/core'
import type { Host } from '@p2p-playground/p2p'
import { node, nodeInfoFromProto } from '@p2p-playground/proto'
import { callError } from './call-error.js'
import type { KnownNode } from './known-node.js'

export type NodeClient = Client<typeof node.NodeService>

/** How long it may take to connect with a node that is expected: one that is away never answers. */
const EXPECTED_MS = 3000
/** The same for a peer that is only a hint: it may be no node, or out of reach from here. */
const HINT_MS = 2000
/** How long one that is there may take for the handshake, and then to say who it is: it may be far away. */
const ANSWER_MS = 5000

/** A peer that should be a node: remembered, configured, or the daemon next to us. */
export interface Expected {
  readonly name?: string | undefined
}

/** Asks peers who they are, all at once, each once for the addresses that are known of it. */
export class Survey {
  readonly #host: Host
  readonly #clock: Clock
  readonly #expected: (peerId: string) => Expected | undefined
  readonly #hasKey: boolean
  readonly #asked = new Map<string, number>()
  readonly #found = new Map<string, KnownNode>()
  readonly #pending = new Map<string, Promise<void>>()

  constructor(options: {
    readonly host: Host
    readonly clock: Clock
    /** Undefined for a peer that nobody has vouched for. */
    readonly expected: (peerId: string) => Expected | undefined
    /** Whether there is a signing key that could prove a role. */
    readonly hasKey: boolean
  }) {
    this.#host = options.host
    this.#clock = options.clock
    this.#expected = options.expected
    this.#hasKey = options.hasKey
  }

  /** The nodes so far. */
  get found(): KnownNode[] {
    return [...this.#found.values()]
  }

  /** Those that have not answered yet, with their names where they are known. */
  get awaited(): Pick<KnownNode, 'peerId' | 'name'>[] {
    return [...this.#pending.keys()].map((peerId) => ({
      peerId,
      name: this.#expected(peerId)?.name,
    }))
  }

  /** Resolves when one more has; undefined when none is awaited. */
  progressed(): Promise<void> | undefined {
    return this.#pending.size === 0 ? undefined : Promise.race(this.#pending.values())
  }

  /** Asks the peers that were not asked, and those that did not answer when new addresses are known. */
  askNew(): void {
    for (const { peerId, addresses } of this.#host.peers()) {
      if (this.#pending.has(peerId) || this.#found.get(peerId)?.info !== undefined) continue
      if ((this.#asked.get(peerId) ?? -1) >= addresses.length) continue
      this.#asked.set(peerId, addresses.length)
      const asking = this.ask(peerId).then((one) => {
        this.#pending.delete(peerId)
        if (one !== undefined) this.#found.set(peerId, one)
      })
      this.#pending.set(peerId, asking)
    }
  }

  /** Asks one peer; undefined when it is no node of ours: another controller, a stranger. Never throws. */
  async ask(peerId: string): Promise<KnownNode | undefined> {
    const expected = this.#expected(peerId)
    const addresses = this.#host.peers().find((peer) => peer.peerId === peerId)?.addresses ?? []
    const base = { peerId, name: expected?.name, addresses }
    const begunMs = this.#clock.monotonic()
    try {
      const connectMs = expected === undefined ? HINT_MS : EXPECTED_MS
      await this.#host.dial(peerId, AbortSignal.timeout(connectMs + ANSWER_MS), connectMs)
      const client = clientOf(this.#host, peerId)
      const { node: message } = await client.getInfo({}, { timeoutMs: ANSWER_MS })
      const info = nodeInfoFromProto(message)
      const latencyMs = this.#clock.monotonic() - begunMs
      return { ...base, info, name: info.name, failure: undefined, latencyMs }
    } catch (cause) {
      if (ConnectError.from(cause).code === Code.Unimplemented) return undefined
      const failure = this.#explained(callError(cause))
      // Only a node of ours refuses with a role.
      const isNode = expected !== undefined || failure.code === 'AUTH_ROLE'
      return isNode ? { ...base, info: undefined, failure, latencyMs: null } : undefined
    }
  }

  /** What the node says of a role helps nobody who has no key to prove one with. */
  #explained(failure: PlaygroundError): PlaygroundError {
    if (failure.code !== 'AUTH_ROLE' || this.#hasKey) return failure
    const text =
      'this machine has no signing key that the node trusts; command from a machine that has one'
    const hint =
      'Or put security.signing_key_path into controller.yaml here, and its public key into security.trusted_public_keys of the node.'
    return new PlaygroundError('AUTH_ROLE', text, { hint, cause: failure })
  }
}

/** NodeService of one peer. */
export function clientOf(host: Host, peerId: string): NodeClient {
  return createClient(node.NodeService, host.transport(peerId))
}
