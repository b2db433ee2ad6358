import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newInstanceRecord, systemClock } from '@p2p-playground/core'
import type { Clock, NewEvent, SystemEvent } from '@p2p-playground/core'
import type { Host } from '@p2p-playground/p2p'
import { Loopback } from '@p2p-playground/p2p/testing'
import type { TestKey } from '@p2p-playground/p2p/testing'
import { RecordingLogger, sampleNode } from '@p2p-playground/testkit'
import { Commands } from '../engine/commands.js'
import type { Engine } from '../engine/engine.js'
import { InstanceTable } from '../engine/instance-table.js'
import { DaemonLog } from '../logs/daemon-log.js'
import { EventFeed } from '../logs/event-feed.js'
import { LogStore } from '../logs/log-store.js'
import { NodeLogs } from '../logs/node-logs.js'
import { SqliteStateStore } from '../state/sqlite-state-store.js'
import { CommandGuard } from './command-guard.js'
import { RefusalEvents } from './refusal-events.js'
import { clientOf, serve } from './node-service.test.support.js'
import type { NodeClient } from './node-service.test.support.js'

/** A node that serves its state, logs and events to real callers, over an engine that has always settled. */
export class ServedNode {
  readonly #clock: Clock
  readonly #dir = mkdtempSync(join(tmpdir(), 'p2pp-authority-'))
  readonly #logger = new RecordingLogger()
  readonly #loopback = new Loopback()
  readonly #store = new SqliteStateStore({ path: join(this.#dir, 'state.db'), node: 'n' })
  readonly #table = new InstanceTable(this.#store)
  readonly #refusals: RefusalEvents
  readonly #daemonLog: DaemonLog
  readonly #appLogs: LogStore
  #host: Host | undefined
  #takenSeq = 0

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
    const named = { node: 'n', clock }
    this.#refusals = new RefusalEvents({ table: this.#table, clock, logger: this.#logger })
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
    const host = await this.#loopback.host({ trustedKeys, clock })
    this.#host = host
    const done = async (): Promise<void> => Promise.resolve()
    const engine: unknown = { table: this.#table, settled: done, preflight: { require: done } }
    serve(host, {
      host,
      clock,
      guard: new CommandGuard({ store: this.#store, clock, self: host.peerId }),
      refusals: this.#refusals,
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
      isLost: () => false,
      limitsOf: () => '',
      info: async () => Promise.resolve(sampleNode({ name: 'n', apps: 2 })),
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
    const roleKeys = proved.map(({ signing }) => signing)
    return clientOf(await this.#loopback.host({ listen: [], roleKeys }), this.host)
  }

  /** What a command to this node carries. */
  command(): { targetPeerId: string; nonce: Buffer; issuedAtMs: bigint } {
    const issuedAtMs = BigInt(Math.round(this.#clock.now()))
    return { targetPeerId: this.host.peerId, nonce: randomBytes(16), issuedAtMs }
  }

  async remove(): Promise<void> {
    await this.#loopback.close()
    this.#refusals.close()
    await this.#appLogs.close()
    await this.#daemonLog.close()
    this.#store.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

const NOBODY = { version: null, code: null, by: null }
