import { PlaygroundError, errorMessage } from '@p2p-playground/core'
import type {
  Discovery,
  HealthChecker,
  LoadedPlugin,
  LogSink,
  Logger,
  Runtime,
} from '@p2p-playground/core'
import { PluginRegistry } from '@p2p-playground/core/plugins'
import type { PluginEntry } from '../config/index.js'
import { namedTwice } from './clashes.js'
import { guardPlugin } from './guard-plugin.js'
import { limitOf, loadPackage, locate } from './load-package.js'
import type { CreatedPlugin, PluginRequest } from './load-package.js'
import { runAs } from './plugin-scope.js'
import type { PluginIdentity } from './plugin-scope.js'
import { withinLimit } from './within-limit.js'

/** How long a plugin may take to close; a daemon that stops waits for each. */
const CLOSE_LIMIT_MS = 5000

export interface PluginSet {
  readonly runtimes: ReadonlyMap<string, Runtime>
  readonly healthCheckers: ReadonlyMap<string, HealthChecker<unknown>>
  readonly logSinks: ReadonlyMap<string, LogSink>
  readonly discoveries: ReadonlyMap<string, Discovery>
  /** What went wrong with optional plugins. */
  readonly warnings: readonly string[]
  /** All that are there now, in order. */
  readonly loaded: readonly LoadedPlugin[]
  /** Their packages, those that were left out included: their timers may go on. */
  readonly identities: readonly PluginIdentity[]
  /** In the order of daemon.yaml. @throws PLUGIN_START */
  open(): Promise<void>
  /** In reverse; what fails or takes too long is logged and keeps nobody else. Idempotent. */
  close(logger: Pick<Logger, 'error'>): Promise<void>
}

/**
 * Imports, checks, configures and creates the plugins that the configuration names; nothing is started yet.
 * @throws PLUGIN_NOT_FOUND, PLUGIN_IMPORT, PLUGIN_SHAPE, PLUGIN_API, PLUGIN_CONFIG, PLUGIN_START, PLUGIN_DUPLICATE, each
 * with the package, its version, the reason and the line in daemon.yaml
 */
export async function loadPlugins(request: PluginRequest): Promise<PluginSet> {
  const registry = new PluginRegistry()
  const warnings: string[] = []
  const loaded: CreatedPlugin[] = []
  const leftOut = (entry: PluginEntry, failure: PlaygroundError): void => {
    if (!entry.optional) throw failure
    warnings.push(`${entry.use} is left out: ${failure.message}`)
  }
  for (const [index, entry] of request.entries.entries()) {
    try {
      refuseTwice(entry, request.entries.slice(0, index), request)
      const created = await loadPackage(entry, request)
      register(created, registry, request)
      loaded.push(...created)
    } catch (error) {
      leftOut(entry, locate(error, entry, request))
    }
  }
  return new LoadedPlugins({ request, registry, loaded, warnings, leftOut })
}

class LoadedPlugins implements PluginSet {
  readonly runtimes: ReadonlyMap<string, Runtime>
  readonly healthCheckers: ReadonlyMap<string, HealthChecker<unknown>>
  readonly logSinks: ReadonlyMap<string, LogSink>
  readonly discoveries: ReadonlyMap<string, Discovery>
  readonly warnings: readonly string[]
  readonly identities: readonly PluginIdentity[]
  readonly #request: PluginRequest
  readonly #registry: PluginRegistry
  readonly #leftOut: (entry: PluginEntry, failure: PlaygroundError) => void
  readonly #toClose: CreatedPlugin[] = []
  #loaded: readonly CreatedPlugin[]

  constructor(from: {
    readonly request: PluginRequest
    readonly registry: PluginRegistry
    readonly loaded: readonly CreatedPlugin[]
    readonly warnings: readonly string[]
    /** @throws the failure, unless the plugin is optional */
    readonly leftOut: (entry: PluginEntry, failure: PlaygroundError) => void
  }) {
    this.#request = from.request
    this.#registry = from.registry
    this.#loaded = from.loaded
    this.#leftOut = from.leftOut
    this.warnings = from.warnings
    this.identities = from.loaded.map(({ identity }) => identity)
    this.runtimes = from.registry.all('runtime')
    this.healthCheckers = from.registry.all('health-checker')
    this.logSinks = from.registry.all('log-sink')
    this.discoveries = from.registry.all('discovery')
  }

  get loaded(): readonly LoadedPlugin[] {
    return this.#loaded.map(({ identity, kind, name }) => ({
      package: identity.package,
      version: identity.version,
      kind,
      name,
    }))
  }

  async open(): Promise<void> {
    for (const one of this.#loaded) {
      this.#toClose.push(one)
      const failure = await this.#openOne(one)
      if (failure === undefined) continue
      this.#leftOut(one.entry, failure)
      this.#registry.remove(one.kind, one.name)
      this.#loaded = this.#loaded.filter((other) => other !== one)
    }
  }

  async close(logger: Pick<Logger, 'error'>): Promise<void> {
    for (let one = this.#toClose.pop(); one !== undefined; one = this.#toClose.pop()) {
      const { plugin, identity, kind, name } = one
      try {
        await withinLimit(() => runAs(identity, () => plugin.close?.()), {
          clock: this.#request.clock,
          limitMs: this.#request.limitMs ?? CLOSE_LIMIT_MS,
          late: 'it has not closed',
        })
      } catch (error) {
        logger.error('plugin-close-failed', {
          package: identity.package,
          version: identity.version,
          plugin: `${kind} ${name}`,
          error: errorMessage(error),
        })
      }
    }
  }

  async #openOne(one: CreatedPlugin): Promise<PlaygroundError | undefined> {
    const { plugin, identity, entry } = one
    try {
      await withinLimit((signal) => runAs(identity, () => plugin.open?.(signal)), {
        ...limitOf(this.#request),
        late: 'it has not opened',
      })
      return undefined
    } catch (cause) {
      const message = `${one.shown} (${one.kind} "${one.name}") does not start: ${errorMessage(cause)}`
      const hint = 'Mend what it says, or set "optional: true" to start without it.'
      const failure = new PlaygroundError('PLUGIN_START', message, { hint, cause })
      return locate(failure, entry, this.#request)
    }
  }
}

function register(
  created: readonly CreatedPlugin[],
  registry: PluginRegistry,
  { clock }: PluginRequest,
): void {
  const added: CreatedPlugin[] = []
  try {
    for (const one of created) {
      const { kind, name, plugin, shown } = one
      registry.add(kind, name, guardPlugin(kind, plugin, { ...one, clock }), shown)
      added.push(one)
    }
  } catch (error) {
    for (const { kind, name } of added) registry.remove(kind, name)
    throw error
  }
}

/** @throws PLUGIN_DUPLICATE */
function refuseTwice(
  entry: PluginEntry,
  before: readonly PluginEntry[],
  { positionOf }: Pick<PluginRequest, 'positionOf'>,
): void {
  const first = before.find(({ use }) => use === entry.use)
  if (first !== undefined)
    throw namedTwice(entry.use, first.path === undefined ? null : positionOf(first.path))
}
