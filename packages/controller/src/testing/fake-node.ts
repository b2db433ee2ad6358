import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AppLogEntry, InstanceStatus, SystemEvent } from '@p2p-playground/core'
import { loadIdentity } from '@p2p-playground/p2p'
import type { Host } from '@p2p-playground/p2p'
import { testHost } from '@p2p-playground/p2p/testing'
import { instanceToProto, node, offerFromProto } from '@p2p-playground/proto'
import { sampleInstance, sampleNode } from '@p2p-playground/testkit'
import { fakeService } from './fake-service.js'
import type { FakeState } from './fake-service.js'
import { Feed } from './feed.js'

export interface FakeNodeOptions {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  /** False: a peer of the network that is no node. */
  readonly hasService?: boolean
  /** Default: a free one. */
  readonly port?: number
}

/** A real host that serves NodeService from memory. */
export class FakeNode {
  readonly state: FakeState
  readonly #options: FakeNodeOptions
  readonly #dir: string
  #host: Host | undefined
  #port: number

  private constructor(options: FakeNodeOptions, dir: string) {
    this.#options = options
    this.#dir = dir
    this.#port = options.port ?? 0
    this.state = {
      info: sampleNode({ peerId: '', name: options.name, labels: options.labels ?? {} }),
      peers: [],
      instances: [],
      log: new Feed(),
      dropped: [],
      events: new Feed(),
      commands: [],
      changes: [],
      changing: async () => Promise.resolve(),
      addedPeers: [],
      samplesAsked: false,
      refusal: undefined,
      isMute: false,
      deploy: (request, signal) => this.#deploy(request, signal),
    }
  }

  static async start(options: FakeNodeOptions): Promise<FakeNode> {
    const made = new FakeNode(options, await mkdtemp(join(tmpdir(), 'fake-node-')))
    await made.up()
    return made
  }

  get host(): Host {
    if (this.#host === undefined) throw new Error(`${this.#options.name} is down`)
    return this.#host
  }

  get peerId(): string {
    return this.state.info.peerId
  }

  get port(): number {
    return this.#port
  }

  get address(): string {
    return this.addressAt(this.#port)
  }

  addressAt(port: number): string {
    return `/ip4/127.0.0.1/tcp/${String(port)}/p2p/${this.peerId}`
  }

  /** Starts it, at the same address and with the same identity as before. */
  async up(): Promise<void> {
    const host = await testHost({
      identity: await loadIdentity(join(this.#dir, 'node.key')),
      listen: [`/ip4/127.0.0.1/tcp/${String(this.#port)}`],
    })
    if (this.#options.hasService !== false) {
      host.handleCalls((router) => router.service(node.NodeService, fakeService(this.state)))
    }
    await host.start()
    this.#host = host
    this.#port = Number(/\/tcp\/(\d+)/.exec(host.addresses()[0] ?? '')?.[1])
    this.state.info = { ...this.state.info, peerId: host.peerId, addresses: host.addresses() }
  }

  async down(): Promise<void> {
    await this.#host?.stop()
    this.#host = undefined
  }

  /** To another port. */
  async move(): Promise<void> {
    await this.down()
    this.#port = 0
    await this.up()
  }

  async dispose(): Promise<void> {
    await this.down()
    await rm(this.#dir, { recursive: true, force: true })
  }

  install(app: string, version = '1.0.0', patch: Partial<InstanceStatus> = {}): InstanceStatus {
    const instance = sampleInstance(app, {
      version,
      pid: 4242,
      ports: { http: 8080 },
      startedAtMs: 5,
      ...patch,
    })
    this.state.instances.push(instance)
    return instance
  }

  /** Writes a line; its seq is the next of the version. */
  write(line: string, patch: Partial<AppLogEntry> = {}): void {
    const version = patch.version ?? '1.0.0'
    const seq =
      this.state.log.items.filter((entry) => entry.kind === 'app' && entry.version === version)
        .length + 1
    const { name } = this.state.info
    this.state.log.push({
      kind: 'app',
      timeMs: Date.now(),
      node: name,
      app: 'web',
      version,
      instance: 'i1',
      stream: 'stdout',
      seq,
      line,
      ...patch,
    })
  }

  /** Writes a line of the daemon's own log. */
  say(line: string): void {
    const own = this.state.log.items.filter((entry) => entry.kind === 'daemon')
    this.state.log.push({
      ...{
        kind: 'daemon',
        timeMs: Date.now(),
        node: this.state.info.name,
        seq: own.length + 1,
        line,
      },
      ...{ app: null, version: null, level: 'info', event: line, fields: {} },
    })
  }

  happen(message: string, patch: Partial<SystemEvent> = {}): void {
    this.state.events.push({
      seq: this.state.events.items.length + 1,
      timeMs: Date.now(),
      node: this.state.info.name,
      type: 'started',
      app: 'web',
      version: '1.0.0',
      message,
      code: null,
      by: null,
      ...patch,
    })
  }

  /** Gets the package for real, and says that it runs. */
  async *#deploy(
    request: node.DeployRequest,
    signal: AbortSignal,
  ): AsyncGenerator<{ phase: string; doneBytes?: bigint; instance?: node.Instance }> {
    const { id, list } = offerFromProto(request.offer)
    yield { phase: 'offer' }
    const partPath = join(this.#dir, id.digest)
    const onProgress = (): void => undefined
    const fetched = { list, sources: request.sources, partPath, onProgress, signal }
    const { receivedBytes } = await this.host.fetchPieces(fetched)
    yield { phase: 'transfer', doneBytes: BigInt(receivedBytes) }
    yield {
      phase: 'done',
      instance: instanceToProto(this.install(id.app, id.version, { digest: id.digest })),
    }
  }
}
