import { createPrivateKey } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import type {
  Clock,
  HealthChecker,
  InstanceRecord,
  PlaygroundError,
  RunUser,
  SandboxMode,
} from '@p2p-playground/core'
import {
  buildPieceList,
  generateSigningKey,
  packDirectory,
  signingKeyOf,
  trustedKey,
} from '@p2p-playground/core/bundle'
import {
  FakeHealthChecker,
  InMemoryRuntime,
  RecordingLogger,
  waitFor,
} from '@p2p-playground/testkit'
import type { Isolation } from '../isolation/isolation.js'
import { LogStore } from '../logs/log-store.js'
import { SqliteStateStore } from '../state/sqlite-state-store.js'
import { Commands } from './commands.js'
import type { AppOrder, Asker } from './commands.js'
import { createEngine } from './create-engine.js'
import { Deployments } from './deployments.js'
import type { DeployView } from './deployments.js'
import type { Engine } from './engine.js'
import type { OnFailpoint } from './failpoint.js'
import { Fetcher } from './fetcher.js'
import type { FetchJob } from './fetcher.js'
import type { NodeTraits } from './launcher.js'
import { PackageStore } from './package-store.js'
import type { WaitOptions } from './start-watch.js'

export const forever: AbortSignal = new AbortController().signal
export const asker: Asker = { peerId: 'controller' }

const pair = generateSigningKey('ed25519')
const key = signingKeyOf(createPrivateKey(pair.privatePem), 'test')
const trusted = trustedKey({
  name: 'lead',
  key_type: 'ed25519',
  public_key: pair.publicPem,
  roles: ['publish', 'operate'],
  apps: ['*'],
})
const traits: NodeTraits = {
  name: 'n1',
  labels: {},
  platform: 'linux-x64',
  defaultRuntime: 'fake',
  defaultLimits: {},
  machine: { cpus: 2, memoryTotalBytes: 8 * 1024 ** 3 },
}

const isolationOf = (sandbox: SandboxMode, user: RunUser | undefined): Isolation => ({
  sandbox,
  changesUser: user !== undefined,
  of: async () => Promise.resolve({ sandbox, hiddenDirs: [], user }),
})

/** What a test's daemon.yaml gives beside the runtime and the health check `fake`. */
export interface NodeOffers {
  readonly labels?: Readonly<Record<string, string>>
  /** Further names of the runtime. */
  readonly runtimes?: readonly string[]
  readonly healthCheckers?: Readonly<Record<string, HealthChecker<unknown>>>
  /** Default: off. The runtime has none. */
  readonly sandbox?: SandboxMode
  /** Default: the daemon's. The runtime cannot change it. */
  readonly user?: RunUser
}

interface Parts {
  readonly engine: Engine
  readonly commands: Commands
  readonly deployments: Deployments
  readonly store: SqliteStateStore
  readonly logs: LogStore
  readonly packages: PackageStore
}

/** A whole engine on a real disk, whose programs run only in memory and whose packages come from a file. */
export class EngineUnderTest {
  readonly dir = mkdtempSync(join(tmpdir(), 'p2pp-engine-'))
  readonly health = new FakeHealthChecker()
  readonly clock: Clock
  runtime = new InMemoryRuntime()
  /** As daemon.yaml names it. */
  runtimeName = 'fake'
  bootId = 'boot'
  /** Read at each start. */
  offers: NodeOffers = {}
  /** Called at each step; what it throws ends the action there, as a kill would. */
  failpoint: OnFailpoint = () => undefined
  /** Where the next package comes from. */
  source: string | Error | Promise<string | Error> = new Error('no package')
  #parts: Parts | undefined

  constructor(clock: Clock = systemClock) {
    this.clock = clock
  }

  get isRunning(): boolean {
    return this.#parts !== undefined
  }

  get parts(): Parts {
    if (this.#parts === undefined) throw new Error('the engine does not run')
    return this.#parts
  }

  get engine(): Engine {
    return this.parts.engine
  }

  get store(): SqliteStateStore {
    return this.parts.store
  }

  openStore(): SqliteStateStore {
    return new SqliteStateStore({ path: join(this.dir, 'state.db'), node: 'n1' })
  }

  /** The daemon ends, daemon.yaml changes, and the next daemon takes over what runs. */
  async startWith(offers: NodeOffers): Promise<void> {
    if (this.isRunning) await this.stop()
    this.offers = offers
    await this.start()
  }

  async start(): Promise<void> {
    const { dir, clock } = this
    const { labels = {}, runtimes = [], healthCheckers = {}, sandbox = 'off', user } = this.offers
    const support = await this.runtime.support()
    const store = this.openStore()
    const logger = new RecordingLogger()
    const logs = new LogStore({
      rootDir: join(dir, 'logs'),
      node: 'n1',
      clock,
      logger,
      maxBytesPerApp: 1e8,
      maxAgeMs: 1e9,
      redact: [],
    })
    const packages = new PackageStore({
      apps: join(dir, 'apps'),
      stage: join(dir, 'stage'),
      incoming: join(dir, 'incoming'),
      packages: join(dir, 'packages'),
      quarantine: join(dir, 'quarantine'),
    })
    const pieces = {
      fetchPieces: async ({
        partPath,
        reader,
      }: {
        partPath: string
        reader: (bytes: Uint8Array) => Promise<void>
      }): Promise<void> => {
        const source = await this.source
        if (source instanceof Error) throw source
        copyFileSync(source, partPath)
        await reader(readFileSync(partPath))
      },
    }
    const engine = createEngine({
      store,
      packages,
      logs,
      fetcher: new Fetcher({ pieces, packages, trusted: [trusted], revoked: [], clock }),
      clock,
      logger,
      node: { ...traits, labels },
      runtimes: new Map([this.runtimeName, ...runtimes].map((name) => [name, this.runtime])),
      healthCheckers: new Map(Object.entries({ ...healthCheckers, fake: this.health })),
      supports: new Map([this.runtimeName, ...runtimes].map((name) => [name, support])),
      isolation: isolationOf(sandbox, user),
      maxApps: 3,
      keepVersions: 3,
      updatePolicy: 'immediate',
      bootId: this.bootId,
      failpoint: (step) => {
        this.failpoint(step)
      },
    })
    await engine.start()
    const options = { engine, store, clock, maxApps: 3, updatePolicy: 'immediate' as const }
    const deployments = new Deployments(options)
    this.#parts = { engine, commands: new Commands(options), deployments, store, logs, packages }
  }

  async stop(): Promise<void> {
    const { engine, logs, store } = this.parts
    await engine.stop()
    await logs.close()
    store.close()
    this.#parts = undefined
  }

  async remove(): Promise<void> {
    if (this.#parts !== undefined) await this.stop()
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** Packs a version of the app `web`; `extra` are further lines of its manifest. */
  async jobOf(version: string, extra = '', allowDowngrade = false): Promise<FetchJob> {
    const app = join(this.dir, `app-${version}`)
    mkdirSync(app, { recursive: true })
    const manifest = `name: web\nversion: ${version}\nentrypoint: run\n${extra}`
    writeFileSync(join(app, 'manifest.yaml'), manifest)
    writeFileSync(join(app, 'run'), '#!/bin/sh\n')
    chmodSync(join(app, 'run'), 0o755)
    this.source = join(this.dir, `${version}.p2p`)
    const { id } = await packDirectory({ dir: app, outPath: this.source, key })
    const list = await buildPieceList(this.source)
    return { id, list, sources: ['controller'], allowDowngrade, by: 'controller' }
  }

  async deploy(
    job: FetchJob,
    options: WaitOptions = { wait: true, timeoutMs: 5000 },
  ): Promise<DeployView[]> {
    const views: DeployView[] = []
    const { deployments } = this.parts
    for await (const view of deployments.deploy(job, asker, options, forever)) views.push(view)
    return views
  }

  async order(
    action: AppOrder['action'],
    version?: string,
    more: Partial<AppOrder> = {},
  ): Promise<InstanceRecord[]> {
    return this.parts.commands.change({ action, app: 'web', version, ...more }, asker, forever)
  }

  find(version: string): InstanceRecord | undefined {
    return this.engine.table.get({ app: 'web', version })
  }

  record(version: string): InstanceRecord {
    const found = this.find(version)
    if (found === undefined) throw new Error(`no ${version}`)
    return found
  }

  pidOf(version: string): number {
    return this.find(version)?.handle?.pid ?? 0
  }

  /** Ends the run of a version once it has begun. */
  async crash(version: string, code = 1): Promise<void> {
    const pid = await waitFor('a run', () => this.pidOf(version))
    this.runtime.end(pid, { kind: 'exited', code })
    await waitFor('its end', () => this.pidOf(version) !== pid)
  }

  /** `type version` of all events. */
  events(): string[] {
    return this.store.events({}).map((event) => `${event.type} ${event.version ?? ''}`)
  }

  async linesOf(version: string): Promise<string[]> {
    const lines = await this.parts.logs.tailOf({ app: 'web', version }, 100)
    return lines.map(({ stream, line }) => `${stream} ${line}`)
  }
}

/** The code of what a call throws, or `nothing`. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing',
    (error: unknown) => (error as PlaygroundError).code,
  )
}
