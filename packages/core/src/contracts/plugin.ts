import type { Clock } from './clock.js'
import type { Discovery } from './discovery.js'
import type { HealthChecker } from './health-checker.js'
import type { LogSink } from './log-sink.js'
import type { Logger } from './logger.js'
import type { Runtime } from './runtime.js'
import type { Schema } from './schema.js'

/** What each kind of plugin makes. */
export interface PluginKinds {
  runtime: Runtime
  'health-checker': HealthChecker<unknown>
  'log-sink': LogSink
  discovery: Discovery
}

export type PluginKind = keyof PluginKinds

export const PLUGIN_KINDS: readonly PluginKind[] = [
  'runtime',
  'health-checker',
  'log-sink',
  'discovery',
]

export interface PluginContext<Config> {
  readonly config: Config
  readonly logger: Logger
  readonly clock: Clock
  /** A directory of this plugin alone; it exists. */
  readonly dataDir: string
}

/**
 * Optional on every plugin: `open` in order after all were created, `close` in reverse at the end. Both are idempotent; `close`
 * may also come while `open` runs, or without it. `open` ends when `signal` aborts.
 */
export interface PluginLifecycle {
  /** Rejects when it cannot start. `signal` aborts when its time is over (10 s). */
  open?(signal: AbortSignal): Promise<void>
  /** Also after an `open` that failed or took too long: it may have begun something. It has 5 s. */
  close?(): Promise<void>
}

/**
 * What a plugin package exports by default, alone or in a list. Make it with `definePlugin`.
 * `create` has no side effects; they belong to `open`.
 */
export interface PluginDefinition<Kind extends PluginKind = PluginKind, Config = unknown> {
  readonly kind: Kind
  /** The name that daemon.yaml and manifests use: lower case, digits and dashes. */
  readonly name: string
  /** Version of the plugin contract this was written against, as a literal: `1.0`. */
  readonly api: `${number}.${number}`
  readonly config: Schema<Config>
  create(context: PluginContext<Config>): PluginKinds[Kind] & PluginLifecycle
}
