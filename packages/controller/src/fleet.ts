import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Client } from '@connectrpc/connect'
import { createClient } from '@connectrpc/connect'
import { asPlaygroundError, systemCode } from '@p2p-playground/core'
import type { Clock, Logger, NodeInfo, NodeSelector, NodeSummary } from '@p2p-playground/core'
import type { Home } from '@p2p-playground/core/config'
import type { Host } from '@p2p-playground/p2p'
import { fromConnectError, node, nodeInfoFromProto } from '@p2p-playground/proto'
import { isAskedFor, missingNames, requireSelection } from './selection.js'

/** A node that answered, or one that was known and did not. */
export interface KnownNode {
  readonly peerId: string
  readonly info: NodeInfo | undefined
  /** What it was called when it last answered. */
  readonly name: string | undefined
  readonly addresses: readonly string[]
  readonly reason: string
  readonly latencyMs: number | null
}

export type NodeClient = Client<typeof node.NodeService>

interface Remembered {
  readonly peerId: string
  readonly name: string
  readonly addresses: readonly string[]
}

interface LocalDaemon {
  readonly peerId: string
  readonly addresses: readonly string[]
}

/** How long a node may take to answer the first question. */
const ASK_MS = 3000
/** How long to listen for nodes when none is known, or one that was asked for has not been seen. */
const DISCOVER_MS = 1500
const LOOK_MS = 25

/** The nodes that this controller knows or finds. */
export class Fleet {
  readonly #host: Host
  readonly #home: Home
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #asked = new Map<string, Promise<KnownNode | undefined>>()
  readonly #remembered = new Map<string, Remembered>()
  #loaded: Promise<void> | undefined

  constructor(options: {
    readonly host: Host
    readonly home: Home
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#host = options.host
    this.#home = options.home
    this.#clock = options.clock
    this.#logger = options.logger
  }

  client(peerId: string): NodeClient {
    return createClient(node.NodeService, this.#host.transport(peerId))
  }

  /** The daemon under the same home, when one runs. */
  async localDaemon(): Promise<LocalDaemon | undefined> {
    const file = await readJson(this.#home.runFile)
    return file === undefined ? undefined : (file as LocalDaemon)
  }

  /**
   * The nodes that a selector means, those that do not answer included.
   * @throws NODE_NOT_FOUND, NODE_NONE
   */
  async select(target: NodeSelector, signal: AbortSignal): Promise<KnownNode[]> {
    this.#loaded ??= this.#load()
    await this.#loaded
    await this.#askCandidates()
    const deadline = this.#clock.monotonic() + DISCOVER_MS
    for (;;) {
      const nodes = await this.#answers()
      const done = this.#isEnough(nodes, target) || this.#clock.monotonic() >= deadline
      if (done) {
        await this.#remember(nodes)
        return requireSelection(nodes, target)
      }
      await this.#clock.sleep(LOOK_MS, signal)
      await this.#askCandidates()
    }
  }

  /** Adds a node by its address and asks it. */
  async add(address: string, signal: AbortSignal): Promise<KnownNode> {
    const peerId = await this.#host.dial(address, signal)
    this.#asked.delete(peerId)
    const found = await this.#askOnce(peerId, true)
    if (found?.info === undefined)
      throw asPlaygroundError(new Error(found?.reason ?? 'it is no node'), 'NODE_UNREACHABLE')
    const nodes = [{ ...found, addresses: [address] }]
    this.#loaded ??= this.#load()
    await this.#loaded
    await this.#remember(nodes)
    return found
  }

  #isEnough(nodes: readonly KnownNode[], target: NodeSelector): boolean {
    if (target.nodes !== undefined && target.nodes.length > 0)
      return missingNames(nodes, target.nodes).length === 0
    return nodes.some((one) => one.info !== undefined && isAskedFor(one, target))
  }

  async #load(): Promise<void> {
    const listed = ((await readJson(this.#home.nodes)) ?? []) as readonly Remembered[]
    for (const one of listed) {
      this.#remembered.set(one.peerId, one)
      this.#host.addAddress({ ...one, source: 'static' })
    }
    const local = await this.localDaemon()
    if (local === undefined) return
    this.#host.addAddress({ ...local, source: 'local' })
    await this.#learnFrom(local.peerId)
  }

  /** The local daemon has listened for longer than we have. */
  async #learnFrom(peerId: string): Promise<void> {
    try {
      const { peers } = await this.client(peerId).listPeers({}, { timeoutMs: ASK_MS })
      for (const peer of peers) {
        if (peer.source !== 'inbound') this.#host.addAddress(peer)
      }
    } catch (error) {
      this.#logger.debug('local-daemon-silent', { error: fromConnectError(error).message })
    }
  }

  async #askCandidates(): Promise<void> {
    for (const { peerId } of this.#host.peers()) {
      if (!this.#asked.has(peerId))
        this.#asked.set(peerId, this.#askOnce(peerId, this.#remembered.has(peerId)))
    }
    return Promise.resolve()
  }

  async #answers(): Promise<KnownNode[]> {
    const answers = await Promise.all(this.#asked.values())
    return answers.filter((one) => one !== undefined)
  }

  /** Undefined for a peer that is no node of ours: another controller, a stranger on the same network. */
  async #askOnce(peerId: string, isKnown: boolean): Promise<KnownNode | undefined> {
    const view = this.#host.peers().find((peer) => peer.peerId === peerId)
    const base = {
      peerId,
      name: this.#remembered.get(peerId)?.name,
      addresses: view?.addresses ?? [],
    }
    const begunMs = this.#clock.monotonic()
    try {
      const { node: message } = await this.client(peerId).getInfo({}, { timeoutMs: ASK_MS })
      const info = nodeInfoFromProto(message)
      const latencyMs = this.#clock.monotonic() - begunMs
      return { ...base, info, name: info.name, reason: '', latencyMs }
    } catch (cause) {
      const { code, message } = fromConnectError(cause)
      const isNode = isKnown || view?.source === 'local' || code === 'AUTH_ROLE'
      return isNode ? { ...base, info: undefined, reason: message, latencyMs: null } : undefined
    }
  }

  async #remember(nodes: readonly KnownNode[]): Promise<void> {
    let changed = false
    for (const { peerId, info, addresses } of nodes) {
      if (info === undefined) continue
      const all = [...new Set([...addresses, ...info.addresses])]
      const before = this.#remembered.get(peerId)
      if (before?.name === info.name && all.every((address) => before.addresses.includes(address)))
        continue
      this.#remembered.set(peerId, { peerId, name: info.name, addresses: all.slice(0, 16) })
      changed = true
    }
    if (!changed) return
    const draft = `${this.#home.nodes}.${String(process.pid)}`
    await writeFile(draft, `${JSON.stringify([...this.#remembered.values()], null, 2)}\n`, {
      mode: 0o600,
    })
    await rename(draft, this.#home.nodes)
  }
}

export function summaryOf(one: KnownNode): NodeSummary {
  return {
    peerId: one.peerId,
    name: one.name ?? null,
    labels: one.info?.labels ?? {},
    addresses: one.info?.addresses ?? one.addresses,
    state: one.info === undefined ? 'down' : 'up',
    reason: one.reason,
    version: one.info?.version ?? null,
    platform: one.info?.platform ?? null,
    apps: one.info?.apps ?? null,
    latencyMs: one.latencyMs,
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}
