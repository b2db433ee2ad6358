import {
  PlaygroundError,
  asPlaygroundError,
  errorMessage,
  parseLabelSelector,
} from '@p2p-playground/core'
import type { Clock, Logger, NodeSelector } from '@p2p-playground/core'
import type { Home } from '@p2p-playground/core/config'
import { isCandidate, peerIdOf } from '@p2p-playground/p2p'
import type { Host } from '@p2p-playground/p2p'
import { callError } from './call-error.js'
import { requireInfo } from './known-node.js'
import type { KnownNode } from './known-node.js'
import { readLocalDaemon } from './local-daemon.js'
import type { LocalDaemon } from './local-daemon.js'
import { RememberedNodes } from './remembered-nodes.js'
import type { RememberedNode } from './remembered-nodes.js'
import { isAskedFor, isNamed, missingNames, requireSelection } from './selection.js'
import { Survey, clientOf } from './survey.js'
import type { Expected, NodeClient } from './survey.js'

/** How long to listen for nodes when nobody can tell who is there, or one that was asked for is missing. */
const DISCOVER_MS = 800
/** Once every name has its node, others may still turn out to be called the same for so long. */
const NAMESAKE_MS = 150
/** A node that has run for less may not have heard of the others itself; then we listen for so long. */
const YOUNG_MS = 3000
const LISTEN_MS = 500
const LOOK_MS = 25
const ASK_PEERS_MS = 2000

/** The nodes that this controller knows or finds. */
export class Fleet {
  readonly #host: Host
  readonly #home: Home
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #mdns: boolean
  readonly #bootstrap: ReadonlySet<string>
  readonly #hasKey: boolean
  readonly #remembered: RememberedNodes
  #local: LocalDaemon | undefined
  #loaded: Promise<void> | undefined

  constructor(options: {
    readonly host: Host
    readonly home: Home
    readonly clock: Clock
    readonly logger: Logger
    /** Whether waiting can bring more. */
    readonly mdns: boolean
    /** Multiaddrs of nodes that the configuration names. */
    readonly bootstrapPeers: readonly string[]
    /** Whether this controller can prove a role. */
    readonly hasKey: boolean
  }) {
    this.#host = options.host
    this.#home = options.home
    this.#clock = options.clock
    this.#logger = options.logger
    this.#mdns = options.mdns
    this.#bootstrap = new Set(options.bootstrapPeers.map(peerIdOf))
    this.#hasKey = options.hasKey
    this.#remembered = new RememberedNodes(options.home.nodes, options.logger)
    for (const address of options.bootstrapPeers) {
      this.#host.addAddress({
        peerId: peerIdOf(address),
        addresses: [address],
        source: 'bootstrap',
      })
    }
  }

  client(peerId: string): NodeClient {
    return clientOf(this.#host, peerId)
  }

  /** The daemon under the same home, when one runs. */
  async localDaemon(): Promise<LocalDaemon | undefined> {
    this.#local = await readLocalDaemon(this.#home.runFile)
    if (this.#local !== undefined) this.#host.addAddress({ ...this.#local, source: 'local' })
    return this.#local
  }

  /** Learns again where remembered nodes and the local daemon are: another command may have written it down. */
  async refresh(): Promise<void> {
    this.#loaded = undefined
    await this.#load()
    await this.localDaemon()
  }

  /** Called for each peer that was not known before. */
  onPeer(listener: () => void): () => void {
    return this.#host.onPeer(listener)
  }

  /**
   * The nodes that a selector means, those that do not answer included; by name. Where labels are asked for, those that
   * do not answer are doubtful.
   * @throws NODE_NOT_FOUND, NODE_NONE, USAGE, CANCELED
   */
  async select(target: NodeSelector, signal: AbortSignal): Promise<KnownNode[]> {
    if (target.labels !== undefined) parseLabelSelector(target.labels)
    const selected = requireSelection(await this.#lookUnlessAborted(target, signal), target)
    const byName = (one: KnownNode): string => `${one.name ?? ''}\0${one.peerId}`
    return selected.sort((a, b) => (byName(a) < byName(b) ? -1 : 1))
  }

  /** Adds a node by its address and asks it. @throws NODE_ADDRESS, NODE_UNREACHABLE, AUTH_ codes */
  async add(address: string, signal: AbortSignal): Promise<KnownNode> {
    const peerId = peerIdOf(address)
    await this.#host.dial(address, signal)
    await this.#load()
    const found = await this.#survey().ask(peerId)
    if (found === undefined) {
      throw new PlaygroundError('NODE_UNREACHABLE', `${peerId} answers, but is no node`, {
        hint: 'Give the address that "p2p-playground daemon status" prints on that machine.',
      })
    }
    const known = found.info ?? this.#remembered.get(peerId)
    // One that is there and refuses is a node all the same, and listed as such.
    if (found.info !== undefined || found.failure?.code === 'AUTH_ROLE') {
      const { name, addresses = [] } = known ?? {}
      await this.#remembered.keep([{ peerId, name, addresses, added: [address] }])
    }
    requireInfo(found)
    return found
  }

  #survey(): Survey {
    const expected = (peerId: string): Expected | undefined => this.#expected(peerId)
    return new Survey({ host: this.#host, clock: this.#clock, expected, hasKey: this.#hasKey })
  }

  #expected(peerId: string): Expected | undefined {
    const remembered = this.#remembered.get(peerId)
    if (remembered !== undefined) return remembered
    if (this.#local?.peerId === peerId) return this.#local
    return this.#bootstrap.has(peerId) ? { name: undefined } : undefined
  }

  async #lookUnlessAborted(
    target: NodeSelector,
    signal: AbortSignal,
  ): Promise<readonly KnownNode[]> {
    try {
      return await this.#look(target, signal)
    } catch (error) {
      throw signal.aborted ? asPlaygroundError(signal.reason, 'CANCELED') : error
    }
  }

  async #look(target: NodeSelector, signal: AbortSignal): Promise<readonly KnownNode[]> {
    const begunMs = this.#clock.monotonic()
    await this.#load()
    const local = await this.localDaemon()
    const survey = this.#survey()
    const asked = new Set<string>()
    let informant: string | undefined
    for (;;) {
      survey.askNew()
      informant ??= await this.#hearFrom(
        [local?.peerId, ...survey.found.filter(isUp).map(idOf)],
        asked,
      )
      survey.askNew()
      const elapsedMs = this.#clock.monotonic() - begunMs
      if (this.#isEnough(survey, target, { elapsedMs, informant })) break
      const look = this.#clock.sleep(LOOK_MS, signal)
      await Promise.race([survey.progressed() ?? look, look])
      signal.throwIfAborted()
    }
    const forgotten = await this.#remember(survey.found)
    return survey.found.filter(({ peerId }) => !forgotten.includes(peerId))
  }

  #isEnough(
    survey: Survey,
    target: NodeSelector,
    {
      elapsedMs,
      informant,
    }: { readonly elapsedMs: number; readonly informant: string | undefined },
  ): boolean {
    const names = target.nodes ?? []
    const up = survey.found.filter(isUp)
    const { awaited } = survey
    if (names.length > 0 && missingNames(up, names).length === 0) {
      const isNamesakeDue = awaited.some((one) => names.some((name) => isNamed(one, name)))
      return awaited.length === 0 || (!isNamesakeDue && elapsedMs >= NAMESAKE_MS)
    }
    if (awaited.length > 0) return false
    if (!this.#mdns || elapsedMs >= DISCOVER_MS) return true
    if (
      !survey.found.some((one) => isAskedFor(one, target)) ||
      missingNames(survey.found, names).length > 0
    )
      return false
    const teller = up.find((one) => one.peerId === informant)
    if (teller === undefined) return false
    return elapsedMs >= LISTEN_MS || this.#clock.now() - requireInfo(teller).startedAtMs >= YOUNG_MS
  }

  /** Takes over the peers that a node knows: it has listened for longer than we have. Gives who told. */
  async #hearFrom(
    peerIds: readonly (string | undefined)[],
    asked: Set<string>,
  ): Promise<string | undefined> {
    const peerId = peerIds.find((one) => one !== undefined && !asked.has(one))
    if (peerId === undefined) return undefined
    asked.add(peerId)
    try {
      const { peers } = await this.client(peerId).listPeers({}, { timeoutMs: ASK_PEERS_MS })
      for (const { peerId: id, addresses, source } of peers) {
        const peer = { peerId: id, addresses, source: 'peer' }
        if (source !== 'inbound' && isCandidate(peer)) this.#host.addAddress(peer)
      }
      return peerId
    } catch (error) {
      this.#logger.debug('peers-not-told', { peerId, error: callError(error).message })
      return undefined
    }
  }

  async #load(): Promise<void> {
    this.#loaded ??= this.#remembered.load()
    await this.#loaded
    for (const one of this.#remembered.all()) this.#host.addAddress({ ...one, source: 'static' })
  }

  /** A home that cannot be written to is no reason to fail a question. Gives the PeerIDs that were forgotten. */
  async #remember(found: readonly KnownNode[]): Promise<readonly string[]> {
    const answered = found.flatMap(({ peerId, info }): RememberedNode[] =>
      info === undefined ? [] : [{ peerId, name: info.name, addresses: info.addresses }],
    )
    try {
      return await this.#remembered.keep(answered)
    } catch (error) {
      this.#logger.warn('nodes-not-kept', { path: this.#home.nodes, error: errorMessage(error) })
      return []
    }
  }
}

function isUp(one: KnownNode): boolean {
  return one.info !== undefined
}

function idOf(one: KnownNode): string {
  return one.peerId
}
