import type {
  Clock,
  HealthChecker,
  Logger,
  Runtime,
  RuntimeSupport,
  StateStore,
  UpdatePolicy,
} from '@p2p-playground/core'
import type { Isolation } from '../isolation/isolation.js'
import { describeLimits } from '../limits.js'
import type { LogStore } from '../logs/log-store.js'
import { Actions } from './actions.js'
import { AppEdits } from './app-edits.js'
import { Engine } from './engine.js'
import type { OnFailpoint } from './failpoint.js'
import type { Fetcher } from './fetcher.js'
import { HookRunner } from './hook-runner.js'
import { InstanceTable } from './instance-table.js'
import { Launcher } from './launcher.js'
import type { NodeTraits } from './launcher.js'
import type { PackageStore } from './package-store.js'
import { PortBook } from './ports.js'
import { Preflight } from './preflight.js'
import { Runs } from './runs.js'
import { Supervisor } from './supervisor.js'

export interface EngineOptions {
  readonly store: StateStore
  readonly packages: PackageStore
  readonly logs: LogStore
  readonly fetcher: Fetcher
  readonly clock: Clock
  readonly logger: Logger
  readonly node: NodeTraits
  readonly runtimes: ReadonlyMap<string, Runtime>
  /** What each runtime can do on this machine. */
  readonly supports: ReadonlyMap<string, RuntimeSupport>
  readonly healthCheckers: ReadonlyMap<string, HealthChecker<unknown>>
  readonly isolation: Isolation
  readonly maxApps: number
  readonly keepVersions: number
  /** Of versions whose manifest names none. */
  readonly updatePolicy: UpdatePolicy
  /** Of the machine, as it runs now. */
  readonly bootId: string
  readonly failpoint: OnFailpoint
}

/** An engine with its parts; nothing happens before `start`. */
export function createEngine(options: EngineOptions): Engine {
  const table = new InstanceTable(options.store)
  const launcher = new Launcher(options)
  const { defaultLimits, machine } = options.node
  const { sandbox } = options.isolation
  const limitsOf = describeLimits(launcher, options.supports, { defaultLimits, sandbox, machine })
  const preflight = new Preflight({ ...options, launcher })
  const parts = { ...options, table, launcher, preflight, limitsOf }
  const supervisor = new Supervisor(parts)
  const hooks = new HookRunner(parts)
  const ports = new PortBook(() => table.list())
  const runs = new Runs({ ...parts, supervisor, hooks, ports })
  const actions = new Actions({ ...parts, runs })
  return new Engine({ ...parts, supervisor, hooks, actions, edits: new AppEdits(parts) })
}
