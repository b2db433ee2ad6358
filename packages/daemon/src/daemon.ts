import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, systemClock } from '@p2p-playground/core'
import type { LoadedPlugin, Logger, NewEvent } from '@p2p-playground/core'
import type { Home } from '@p2p-playground/core/config'
import { ENGINE, NODE_SERVICE, REFUSALS, SHIPPING, USAGE } from '@p2p-playground/core/tokens'
import { createHost, loadIdentity } from '@p2p-playground/p2p'
import type { Host, Identity } from '@p2p-playground/p2p'
import { node } from '@p2p-playground/proto'
import { claimDirectory } from './claim-directory.js'
import { Closers } from './closers.js'
import { compose } from './compose.js'
import type { LoadedDaemonConfig } from './config/index.js'
import { refusal } from './engine/commands.js'
import type { Engine } from './engine/engine.js'
import { openIsolation } from './isolation/isolation.js'
import { loadRevokedKeys, loadTrustedKeys } from './trusted-keys.js'
import { readSupports } from './limits.js'
import type { DaemonLog } from './logs/daemon-log.js'
import { LogStore } from './logs/log-store.js'
import { createDaemonLogger } from './logs/daemon-logger.js'
import { openPlugins } from './plugins/open-plugins.js'
import { bootId, removeRunFile, startTicksOf, writeRunFile } from './run-file.js'
import type { RunFile } from './run-file.js'
import type { createNodeService } from './service/node-service.js'
import type { RefusalEvents } from './service/refusal-events.js'
import { chooseSinks } from './shipper/choose-sinks.js'
import type { Shipping } from './shipper/shipping.js'
import { SqliteStateStore } from './state/sqlite-state-store.js'
import type { UsageSampler } from './usage/usage-sampler.js'
import { VERSION } from './version.js'

export interface Daemon {
  readonly run: RunFile
  /** Idempotent. Apps go on running. */
  stop(): Promise<void>
}

/** Starts a node from its configuration; when it resolves, the node answers. */
export async function startDaemon(options: {
  readonly home: Home
  readonly loaded: LoadedDaemonConfig
  readonly foreground: boolean
}): Promise<Daemon> {
  const { home, loaded } = options
  const closers = new Closers()
  await mkdir(home.state, { recursive: true, mode: 0o700 })
  // It is what keeps a second daemon out, of the log too.
  const store = openStore(home, loaded)
  closers.add('state', () => {
    store.close()
  })
  const identity = await loadIdentity(home.daemonIdentity)
  await claimDirectories(loaded, home, identity)
  const logging = await openLogging(loaded, options.foreground)
  const { logger } = logging
  closers.add('log', () => logging.close())
  const stop = async (): Promise<void> => closers.closeAll(logger)
  try {
    for (const warning of loaded.warnings) logger.warn('config', { warning })
    const from = { home, loaded, identity, store, logger, daemonLog: logging.log }
    const run = await open(from, closers)
    return { run, stop }
  } catch (error) {
    logger.error('start-failed', { error: errorMessage(error) })
    await stop()
    throw error
  }
}

function openStore(home: Home, { config }: LoadedDaemonConfig): SqliteStateStore {
  return new SqliteStateStore({ path: home.stateDb, node: config.node.name })
}

/** Nobody else has what is in the home: its state is locked. */
async function claimDirectories(
  { config, positionOf }: LoadedDaemonConfig,
  home: Home,
  { peerId }: Identity,
): Promise<void> {
  const { appDir, logDir } = config.runtime
  if (appDir !== home.apps) await claimDirectory(appDir, peerId, positionOf(['runtime', 'app_dir']))
  if (logDir !== home.logs) await claimDirectory(logDir, peerId, positionOf(['runtime', 'log_dir']))
}

async function openLogging(
  { config }: LoadedDaemonConfig,
  foreground: boolean,
): ReturnType<typeof createDaemonLogger> {
  return createDaemonLogger({
    dir: config.runtime.logDir,
    node: config.node.name,
    level: config.logging.level,
    foreground,
    clock: systemClock,
    redact: redactPatterns(config),
  })
}

function redactPatterns({ logging }: LoadedDaemonConfig['config']): RegExp[] {
  return logging.redact.map((pattern) => new RegExp(pattern, 'g'))
}

async function open(
  from: {
    readonly home: Home
    readonly loaded: LoadedDaemonConfig
    readonly identity: Identity
    readonly store: SqliteStateStore
    readonly logger: Logger
    readonly daemonLog: DaemonLog
  },
  closers: Closers,
): Promise<RunFile> {
  const { home, loaded, identity, store, logger, daemonLog } = from
  const { config } = loaded
  const clock = systemClock
  const trustedKeys = loadTrustedKeys(loaded)
  const logs = new LogStore({
    rootDir: join(config.runtime.logDir, 'apps'),
    node: config.node.name,
    clock,
    logger,
    maxBytesPerApp: config.logging.maxSizeBytes,
    maxUnshippedBytesPerApp: config.logging.maxUnshippedBytes,
    maxAgeMs: config.logging.maxAgeMs,
    redact: redactPatterns(config),
  })
  closers.add('logs', () => logs.close())
  let recordEvent = (event: NewEvent): void => {
    store.commit({ events: [event] })
  }
  const recordPlugin = (message: string): void => {
    recordEvent({ ...nodeEvent('plugin', message), code: 'PLUGIN_FAILED' })
  }
  const plugins = await openPlugins({ home, loaded, logger, clock, record: recordPlugin }, closers)
  const logSinks = chooseSinks(loaded, plugins, logger)
  const isolation = await openIsolation(loaded, home)
  const host = await createHost({
    identity,
    listen: config.p2p.listenAddresses,
    announce: config.p2p.announceAddresses,
    psk: config.p2p.psk,
    allowedPeers: config.p2p.allowedPeers,
    agent: `p2p-playground/${VERSION}`,
    discoveries: plugins.discoveries,
    onDiscoveryFailure: (name, error) => {
      recordPlugin(`discovery ${name} failed and is asked again: ${errorMessage(error)}`)
    },
    mdns: config.p2p.enableMdns,
    staticPeers: [...store.peers()],
    bootstrapPeers: config.p2p.bootstrapPeers,
    trustedKeys,
    revokedKeys: loadRevokedKeys(loaded),
    logger,
    clock,
  })
  const container = compose({
    config,
    home,
    clock,
    logger,
    store,
    logs,
    daemonLog,
    host,
    trustedKeys,
    runtimes: plugins.runtimes,
    supports: await readSupports(plugins.runtimes, logger),
    healthCheckers: plugins.healthCheckers,
    logSinks,
    plugins: plugins.loaded,
    isolation,
  })
  const engine = container.resolve<Engine>(ENGINE)
  recordEvent = (event) => {
    engine.table.record(event)
  }
  const service = container.resolve<ReturnType<typeof createNodeService>>(NODE_SERVICE)
  host.handleCalls((router) => router.service(node.NodeService, service))
  const refusals = container.resolve<RefusalEvents>(REFUSALS)
  recordRefusals(host, refusals)
  closers.add('refusals', () => {
    refusals.close()
  })
  const shipping = container.resolve<Shipping>(SHIPPING)
  logs.claimedBy(shipping)
  await shipping.start()
  closers.add('log sinks', () => shipping.stop())
  await engine.start()
  closers.add('engine', () => engine.stop())
  const usage = container.resolve<UsageSampler>(USAGE)
  usage.start()
  closers.add('usage', () => usage.stop())
  await host.start()
  closers.add('host', () => host.stop())
  const run = describeRun(host, config.node.name, plugins.loaded)
  await writeRunFile(home.runFile, run)
  closers.add('run file', () => removeRunFile(home.runFile))
  engine.table.record(nodeEvent('daemon-started', `daemon ${VERSION} started as ${host.peerId}`))
  closers.add('goodbye', () => {
    engine.table.record(nodeEvent('daemon-stopped', 'daemon stops; apps go on running'))
  })
  logger.info('ready', { peerId: host.peerId, addresses: host.addresses().join(' ') })
  return run
}

function describeRun(host: Host, name: string, plugins: readonly LoadedPlugin[]): RunFile {
  return {
    pid: process.pid,
    startTicks: startTicksOf(process.pid) ?? 0,
    bootId: bootId(),
    peerId: host.peerId,
    name,
    version: VERSION,
    addresses: host.addresses(),
    startedAtMs: systemClock.now(),
    plugins,
  }
}

/** Connections that fail the handshake are events of this node. */
function recordRefusals(host: Host, refusals: RefusalEvents): void {
  host.onRefusal(({ peerId, ...error }) => {
    refusals.record(refusal(systemClock, null, error, peerId))
  })
}

function nodeEvent(type: NewEvent['type'], message: string): NewEvent {
  return {
    timeMs: systemClock.now(),
    type,
    app: null,
    version: null,
    message,
    code: null,
    by: null,
  }
}
