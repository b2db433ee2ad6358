import 'reflect-metadata'
import { container as root, instanceCachingFactory } from 'tsyringe'
import type { DependencyContainer } from 'tsyringe'
import {
  CLOCK,
  COMMANDS,
  CONFIG,
  DAEMON_LOG,
  DEPLOYMENTS,
  ENGINE,
  HEALTH_CHECKERS,
  HOME,
  HOST,
  ISOLATION,
  LOGGER,
  LOG_SINKS,
  LOG_STORE,
  NODE_LOGS,
  NODE_SERVICE,
  PACKAGE_STORE,
  PLUGINS,
  REFUSALS,
  RUNTIMES,
  SHIPPING,
  STATE_STORE,
  SUPPORTS,
  TRUSTED_KEYS,
  USAGE,
} from '@p2p-playground/core/tokens'
import { formatInstance } from '@p2p-playground/core'
import type {
  Clock,
  HealthChecker,
  LoadedPlugin,
  Logger,
  Runtime,
  RuntimeSupport,
  StateStore,
} from '@p2p-playground/core'
import type { TrustedKey } from '@p2p-playground/core/bundle'
import type { Home } from '@p2p-playground/core/config'
import type { Host } from '@p2p-playground/p2p'
import type { DaemonConfig } from './config/index.js'
import { Commands } from './engine/commands.js'
import { createEngine } from './engine/create-engine.js'
import { Deployments } from './engine/deployments.js'
import type { Engine } from './engine/engine.js'
import { failpointOf } from './engine/failpoint.js'
import { Fetcher } from './engine/fetcher.js'
import type { NodeTraits } from './engine/launcher.js'
import { PackageStore, packagePathsOf } from './engine/package-store.js'
import type { DaemonLog } from './logs/daemon-log.js'
import { EventFeed } from './logs/event-feed.js'
import type { LogStore } from './logs/log-store.js'
import { NodeLogs } from './logs/node-logs.js'
import type { Isolation } from './isolation/isolation.js'
import { machineSize, readResources } from './node-info.js'
import { bootId } from './run-file.js'
import { CommandGuard } from './service/command-guard.js'
import { createNodeService } from './service/node-service.js'
import { RefusalEvents } from './service/refusal-events.js'
import { Shipping } from './shipper/shipping.js'
import type { ConfiguredSink } from './shipper/shipping.js'
import type { NodeServiceDependencies } from './service/node-service.js'
import { directorySize } from './usage/directory-size.js'
import { readNodeCounters } from './usage/node-counters.js'
import { UsageSampler } from './usage/usage-sampler.js'
import { VERSION } from './version.js'

/** What must exist before the rest can be made: opened in order by the daemon's start, closed in reverse by its stop. */
export interface Foundations {
  readonly config: DaemonConfig
  readonly home: Home
  readonly clock: Clock
  readonly logger: Logger
  readonly store: StateStore
  readonly logs: LogStore
  readonly daemonLog: DaemonLog
  readonly host: Host
  readonly trustedKeys: readonly TrustedKey[]
  readonly runtimes: ReadonlyMap<string, Runtime>
  readonly supports: ReadonlyMap<string, RuntimeSupport>
  readonly healthCheckers: ReadonlyMap<string, HealthChecker<unknown>>
  readonly logSinks: readonly ConfiguredSink[]
  readonly plugins: readonly LoadedPlugin[]
  readonly isolation: Isolation
}

/** The only place that touches a container: one child container a daemon, so that a process can hold several. */
export function compose(foundations: Foundations): DependencyContainer {
  const container = root.createChildContainer()
  container.register(CONFIG, { useValue: foundations.config })
  container.register(HOME, { useValue: foundations.home })
  container.register(CLOCK, { useValue: foundations.clock })
  container.register(LOGGER, { useValue: foundations.logger })
  container.register(STATE_STORE, { useValue: foundations.store })
  container.register(LOG_STORE, { useValue: foundations.logs })
  container.register(DAEMON_LOG, { useValue: foundations.daemonLog })
  container.register(HOST, { useValue: foundations.host })
  container.register(TRUSTED_KEYS, { useValue: foundations.trustedKeys })
  container.register(RUNTIMES, { useValue: foundations.runtimes })
  container.register(SUPPORTS, { useValue: foundations.supports })
  container.register(HEALTH_CHECKERS, { useValue: foundations.healthCheckers })
  container.register(LOG_SINKS, { useValue: foundations.logSinks })
  container.register(PLUGINS, { useValue: foundations.plugins })
  container.register(ISOLATION, { useValue: foundations.isolation })
  container.register(PACKAGE_STORE, { useFactory: instanceCachingFactory(makePackageStore) })
  container.register(ENGINE, { useFactory: instanceCachingFactory(makeEngine) })
  container.register(DEPLOYMENTS, { useFactory: instanceCachingFactory(makeDeployments) })
  container.register(USAGE, { useFactory: instanceCachingFactory(makeUsageSampler) })
  container.register(COMMANDS, { useFactory: instanceCachingFactory(makeCommands) })
  container.register(REFUSALS, { useFactory: instanceCachingFactory(makeRefusals) })
  container.register(NODE_LOGS, { useFactory: instanceCachingFactory(makeNodeLogs) })
  container.register(SHIPPING, { useFactory: instanceCachingFactory(makeShipping) })
  container.register(NODE_SERVICE, { useFactory: instanceCachingFactory(makeNodeService) })
  return container
}

function makePackageStore(c: DependencyContainer): PackageStore {
  const home = c.resolve<Home>(HOME)
  const config = c.resolve<DaemonConfig>(CONFIG)
  return new PackageStore(packagePathsOf(home, config.runtime.appDir))
}

function traitsOf(config: DaemonConfig): NodeTraits {
  return {
    name: config.node.name,
    labels: config.node.labels,
    platform: `${process.platform}-${process.arch}`,
    defaultRuntime: config.runtime.default,
    defaultLimits: config.runtime.defaultLimits,
    machine: machineSize(),
  }
}

function makeEngine(c: DependencyContainer): Engine {
  const config = c.resolve<DaemonConfig>(CONFIG)
  const packages = c.resolve<PackageStore>(PACKAGE_STORE)
  const clock = c.resolve<Clock>(CLOCK)
  const fetcher = new Fetcher({
    pieces: c.resolve<Host>(HOST),
    packages,
    trusted: c.resolve<readonly TrustedKey[]>(TRUSTED_KEYS),
    revoked: config.security.revokedKeys,
    clock,
  })
  return createEngine({
    store: c.resolve<StateStore>(STATE_STORE),
    packages,
    logs: c.resolve<LogStore>(LOG_STORE),
    fetcher,
    clock,
    logger: c.resolve<Logger>(LOGGER),
    node: traitsOf(config),
    runtimes: c.resolve<ReadonlyMap<string, Runtime>>(RUNTIMES),
    healthCheckers: c.resolve<ReadonlyMap<string, HealthChecker<unknown>>>(HEALTH_CHECKERS),
    supports: c.resolve<ReadonlyMap<string, RuntimeSupport>>(SUPPORTS),
    isolation: c.resolve<Isolation>(ISOLATION),
    maxApps: config.runtime.maxApps,
    keepVersions: config.runtime.keepVersions,
    updatePolicy: config.runtime.updatePolicy,
    bootId: bootId(),
    failpoint: failpointOf(process.env),
  })
}

function makeDeployments(c: DependencyContainer): Deployments {
  const { maxApps, updatePolicy } = c.resolve<DaemonConfig>(CONFIG).runtime
  return new Deployments({
    engine: c.resolve<Engine>(ENGINE),
    store: c.resolve<StateStore>(STATE_STORE),
    clock: c.resolve<Clock>(CLOCK),
    maxApps,
    updatePolicy,
  })
}

/** More entries than a package may have; an app that keeps more files than that is not measured. */
const MAX_MEASURED_ENTRIES = 40_000

function makeUsageSampler(c: DependencyContainer): UsageSampler {
  const { table, launcher } = c.resolve<Engine>(ENGINE)
  const packages = c.resolve<PackageStore>(PACKAGE_STORE)
  const { appDir } = c.resolve<DaemonConfig>(CONFIG).runtime
  return new UsageSampler({
    clock: c.resolve<Clock>(CLOCK),
    logger: c.resolve<Logger>(LOGGER),
    sources: {
      node: async () => readNodeCounters(appDir),
      instances: () => table.list().filter((record) => record.presence === 'present'),
      usage: async (key, handle) => {
        const record = table.get(key)
        if (record === undefined) throw new Error(`no record of ${formatInstance(key)}`)
        return launcher.runtimeOf({ ...record, handle }).usage(handle)
      },
      sizeOf: async (key, signal) =>
        directorySize(packages.versionDir(key), MAX_MEASURED_ENTRIES, signal),
    },
  })
}

function makeCommands(c: DependencyContainer): Commands {
  return new Commands({
    engine: c.resolve<Engine>(ENGINE),
    clock: c.resolve<Clock>(CLOCK),
  })
}

function makeRefusals(c: DependencyContainer): RefusalEvents {
  const { table } = c.resolve<Engine>(ENGINE)
  return new RefusalEvents({
    table,
    clock: c.resolve<Clock>(CLOCK),
    logger: c.resolve<Logger>(LOGGER),
  })
}

function makeNodeLogs(c: DependencyContainer): NodeLogs {
  const { table } = c.resolve<Engine>(ENGINE)
  return new NodeLogs({
    apps: c.resolve<LogStore>(LOG_STORE),
    daemon: c.resolve<DaemonLog>(DAEMON_LOG),
    events: new EventFeed({ store: c.resolve<StateStore>(STATE_STORE), table }),
  })
}

function makeShipping(c: DependencyContainer): Shipping {
  const { table } = c.resolve<Engine>(ENGINE)
  return new Shipping({
    sinks: c.resolve<readonly ConfiguredSink[]>(LOG_SINKS),
    feeds: c.resolve<NodeLogs>(NODE_LOGS).feeds,
    dir: c.resolve<Home>(HOME).logSinks,
    clock: c.resolve<Clock>(CLOCK),
    logger: c.resolve<Logger>(LOGGER),
    record: (event) => {
      table.record(event)
    },
  })
}

function makeNodeService(c: DependencyContainer): ReturnType<typeof createNodeService> {
  const host = c.resolve<Host>(HOST)
  const store = c.resolve<StateStore>(STATE_STORE)
  const clock = c.resolve<Clock>(CLOCK)
  const engine = c.resolve<Engine>(ENGINE)
  return createNodeService({
    host,
    commands: c.resolve<Commands>(COMMANDS),
    deployments: c.resolve<Deployments>(DEPLOYMENTS),
    table: engine.table,
    launcher: engine.launcher,
    preflight: engine.preflight,
    packages: c.resolve<PackageStore>(PACKAGE_STORE),
    logs: c.resolve<NodeLogs>(NODE_LOGS),
    store,
    guard: new CommandGuard({ store, clock, self: host.peerId }),
    refusals: c.resolve<RefusalEvents>(REFUSALS),
    clock,
    info: nodeInfoOf(c),
    usage: c.resolve<UsageSampler>(USAGE),
    isLost: (record) => engine.isLost(record),
    limitsOf: engine.limitsOf,
  })
}

function nodeInfoOf(c: DependencyContainer): NodeServiceDependencies['info'] {
  const config = c.resolve<DaemonConfig>(CONFIG)
  const host = c.resolve<Host>(HOST)
  const engine = c.resolve<Engine>(ENGINE)
  const supports = c.resolve<ReadonlyMap<string, RuntimeSupport>>(SUPPORTS)
  const checkers = c.resolve<ReadonlyMap<string, unknown>>(HEALTH_CHECKERS)
  const startedAtMs = c.resolve<Clock>(CLOCK).now()
  const usage = c.resolve<UsageSampler>(USAGE)
  const shipping = c.resolve<Shipping>(SHIPPING)
  return async (options) => ({
    peerId: host.peerId,
    name: config.node.name,
    labels: config.node.labels,
    version: VERSION,
    platform: `${process.platform}-${process.arch}`,
    startedAtMs,
    addresses: host.addresses(),
    runtimes: Object.fromEntries(supports),
    healthCheckers: [...checkers.keys()],
    plugins: c.resolve<readonly LoadedPlugin[]>(PLUGINS),
    apps: new Set(engine.table.list().map((record) => record.app)).size,
    maxApps: config.runtime.maxApps,
    resources: await readResources(config.runtime.appDir),
    usage: usage.node(options),
    logSinks: shipping.status(),
  })
}
