import { createPrivateKey, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import type { Client } from '@connectrpc/connect'
import { newInstanceRecord, systemClock } from '@p2p-playground/core'
import type { Clock, NewEvent, NodeInfo, Role, SystemEvent } from '@p2p-playground/core'
import { generateSigningKey, signingKeyOf, trustedKey } from '@p2p-playground/core/bundle'
import type { SigningKey, TrustedKey } from '@p2p-playground/core/bundle'
import { createHost, loadIdentity } from '@p2p-playground/p2p'
import type { Host, HostOptions } from '@p2p-playground/p2p'
import { node } from '@p2p-playground/proto'
import { RecordingLogger } from '@p2p-playground/testkit'
import { Commands } from '../engine/commands.js'
import type { Engine } from '../engine/engine.js'
import { InstanceTable } from '../engine/instance-table.js'
import { DaemonLog } from '../logs/daemon-log.js'
import { EventFeed } from '../logs/event-feed.js'
import { LogStore } from '../logs/log-store.js'
import { NodeLogs } from '../logs/node-logs.js'
import { SqliteStateStore } from '../state/sqlite-state-store.js'
import { CommandGuard } from './command-guard.js'
import { createNodeService } from './node-service.js'
import type { NodeServiceDependencies } from './node-service.js'

export type NodeClient = Client<typeof node.NodeService>

export interface TestKey {
  readonly signing: SigningKey
  readonly trusted: TrustedKey
}

export function keyOf(name: string, roles: Role[], apps: string[], notAfterMs?: number): TestKey {
  const { privatePem, publicPem } = generateSigningKey('ed25519')
  return {
    signing: signingKeyOf(createPrivateKey(privatePem), name),
    trusted: trustedKey({
      name,
      key_type: 'ed25519',
      public_key: publicPem,
      roles,
      apps,
      not_after: notAfterMs,
    }),
  }
}

/** A node that serves its state, logs and events to real callers, over an engine that has always settled. */
export class ServedNode {
  readonly #clock: Clock
  readonly #dir = mkdtempSync(join(tmpdir(), 'p2pp-authority-'))
  readonly #logger = new RecordingLogger()
  readonly #hosts: Host[] = []
  readonly #store = new SqliteStateStore({ path: join(this.#dir, 'state.db'), node: 'n' })
  readonly #table = new InstanceTable(this.#store)
  readonly #daemonLog: DaemonLog
  readonly #appLogs: LogStore
  #host: Host | undefined
  #takenSeq = 0

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
    const named = { node: 'n', clock }
    this.#daemonLog = new DaemonLog({ ...named, dir: this.#dir, redact: (text) => text })
    this.#appLogs = new LogStore({
      ...named,
      rootDir: join(this.#dir, 'apps'),
      logger: this.#logger,
      maxBytesPerApp: 10_000_000,
      maxAgeMs: Infinity,
      redact: [],
    })
  }

  get host(): Host {
    if (this.#host === undefined) throw new Error('the node is not started')
    return this.#host
  }

  async start(keys: readonly TestKey[]): Promise<void> {
    const trustedKeys = keys.map(({ trusted }) => trusted)
    const clock = this.#clock
    const host = await this.#startHost({ listen: ['/ip4/127.0.0.1/tcp/0'], trustedKeys, clock })
    this.#host = host
    const done = async (): Promise<void> => Promise.resolve()
    const engine: unknown = { table: this.#table, settled: done, preflight: { require: done } }
    const deps: unknown = {
      host,
      clock,
      guard: new CommandGuard({ store: this.#store, clock, self: host.peerId }),
      commands: new Commands({ engine: engine as Engine, clock }),
      deployments: { deploy: () => [] },
      table: this.#table,
      store: this.#store,
      logs: new NodeLogs({
        apps: this.#appLogs,
        daemon: this.#daemonLog,
        events: new EventFeed({ store: this.#store, table: this.#table }),
      }),
      launcher: { hasHealthCheck: () => false },
      preflight: { problemOf: () => undefined },
      limitsOf: () => '',
      info: async () => Promise.resolve(INFO),
    }
    host.handleCalls((router) => {
      router.service(node.NodeService, createNodeService(deps as NodeServiceDependencies))
    })
  }

  /** An app that is here and has written a line. */
  async addApp(app: string): Promise<void> {
    const record = newInstanceRecord({ app, version: '1.0.0' }, '00'.repeat(32))
    this.#table.commit({ save: [{ ...record, presence: 'present', active: true }] })
    await this.#appLogs.append(record, 'pre-start', [`line of ${app}`])
  }

  /** A line of the daemon and an event: of an app, or of none. */
  say(app: string | null, message: string): void {
    this.#daemonLog.write('info', message, app === null ? {} : { app })
    this.happen(app, message)
  }

  happen(app: string | null, message: string, times = 1): void {
    const event: NewEvent = { timeMs: this.#clock.now(), type: 'started', app, message, ...NOBODY }
    this.#table.record(...Array.from({ length: times }, () => event))
  }

  /** Events of this node that came since the last call. */
  takeEvents(): readonly SystemEvent[] {
    const events = this.#store.events({ afterSeq: this.#takenSeq })
    this.#takenSeq = events.at(-1)?.seq ?? this.#takenSeq
    return events
  }

  /** What the next daemon is to know. */
  addedPeers(): readonly string[] {
    return this.#store.peers()
  }

  /** Who proves these keys, each on the same connection. */
  async asking(...proved: readonly TestKey[]): Promise<NodeClient> {
    const asking = await this.#startHost({ roleKeys: proved.map(({ signing }) => signing) })
    await asking.dial(this.host.addresses()[0] ?? '', AbortSignal.timeout(5000))
    return createClient(node.NodeService, asking.transport(this.host.peerId))
  }

  /** What a command to this node carries. */
  command(): { targetPeerId: string; nonce: Buffer; issuedAtMs: bigint } {
    const issuedAtMs = BigInt(Math.round(this.#clock.now()))
    return { targetPeerId: this.host.peerId, nonce: randomBytes(16), issuedAtMs }
  }

  async remove(): Promise<void> {
    for (const host of this.#hosts) await host.stop()
    await this.#appLogs.close()
    await this.#daemonLog.close()
    this.#store.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #startHost(patch: Partial<HostOptions>): Promise<Host> {
    const host = await createHost({
      identity: await loadIdentity(join(this.#dir, randomUUID())),
      listen: [],
      agent: 'test',
      discoveries: new Map(),
      mdns: false,
      staticPeers: [],
      bootstrapPeers: [],
      trustedKeys: [],
      logger: this.#logger,
      clock: systemClock,
      ...patch,
    })
    this.#hosts.push(host)
    await host.start()
    return host
  }
}

const NOBODY = { version: null, code: null, by: null }

const INFO: NodeInfo = {
  peerId: 'n',
  name: 'n',
  labels: {},
  version: '0.0.0',
  platform: 'linux-x64',
  startedAtMs: 0,
  addresses: [],
  runtimes: {},
  healthCheckers: [],
  plugins: [],
  apps: 2,
  maxApps: 10,
  resources: {
    cpus: 1,
    memoryTotalBytes: 1,
    memoryFreeBytes: 1,
    diskTotalBytes: 1,
    diskFreeBytes: 1,
    load1: 0,
  },
  usage: null,
  logSinks: [],
}
