import {
  PlaygroundError,
  asPlaygroundError,
  errorMessage,
  formatPosition,
} from '@p2p-playground/core'
import type {
  Discovery,
  HealthChecker,
  LogSink,
  PluginContext,
  PluginDefinition,
  PluginLifecycle,
  Runtime,
  SourcePosition,
} from '@p2p-playground/core'
import type { Path } from '@p2p-playground/core/config'
import { PluginRegistry, checkDefinitions } from '@p2p-playground/core/plugins'
import type { PluginEntry } from '../config/index.js'
import { resolvePlugin } from './resolve.js'

/** How long a plugin's start may take. */
const START_LIMIT_MS = 10_000

export interface PluginSet {
  readonly runtimes: ReadonlyMap<string, Runtime>
  readonly healthCheckers: ReadonlyMap<string, HealthChecker<unknown>>
  readonly logSinks: ReadonlyMap<string, LogSink>
  readonly discoveries: ReadonlyMap<string, Discovery>
  /** What went wrong with optional plugins. */
  readonly warnings: readonly string[]
  /** In the order of daemon.yaml. @throws PLUGIN_START */
  open(): Promise<void>
  /** In reverse; idempotent. */
  close(): Promise<void>
}

export interface PluginRequest {
  readonly entries: readonly PluginEntry[]
  readonly positionOf: (path: Path) => SourcePosition
  readonly searchRoots: readonly string[]
  readonly contextFor: (name: string) => Promise<Omit<PluginContext<unknown>, 'config'>>
  readonly startLimitMs?: number
}

interface Loaded {
  readonly entry: PluginEntry
  readonly name: string
  readonly plugin: PluginLifecycle
}

/**
 * Imports, checks, configures and creates the plugins that the configuration names; nothing is started yet.
 * @throws PLUGIN_NOT_FOUND, PLUGIN_IMPORT, PLUGIN_SHAPE, PLUGIN_API, PLUGIN_CONFIG, PLUGIN_DUPLICATE, each with the
 * package, the reason and the line in daemon.yaml
 */
export async function loadPlugins(request: PluginRequest): Promise<PluginSet> {
  const registry = new PluginRegistry()
  const warnings: string[] = []
  const loaded: Loaded[] = []
  const started: Loaded[] = []
  for (const entry of request.entries) {
    try {
      loaded.push(...(await loadEntry(entry, request, registry)))
    } catch (error) {
      const failure = locate(error, entry, request)
      if (!entry.optional) throw failure
      warnings.push(`${entry.use} is left out: ${failure.message}`)
    }
  }
  return {
    runtimes: registry.all('runtime'),
    healthCheckers: registry.all('health-checker'),
    logSinks: registry.all('log-sink'),
    discoveries: registry.all('discovery'),
    warnings,
    open: async () => {
      for (const one of loaded) {
        await startOne(one, request)
        started.push(one)
      }
    },
    close: async () => {
      for (let one = started.pop(); one !== undefined; one = started.pop())
        await one.plugin.close?.()
    },
  }
}

async function loadEntry(
  entry: PluginEntry,
  request: PluginRequest,
  registry: PluginRegistry,
): Promise<Loaded[]> {
  const url = resolvePlugin(entry.use, request.searchRoots)
  const exported = await importPlugin(entry.use, url)
  const definitions = checkDefinitions(exported, entry.use)
  const loaded: Loaded[] = []
  for (const definition of definitions) {
    const config = await readConfig(definition, entry, request)
    const context = await request.contextFor(definition.name)
    const plugin = definition.create({ ...context, config })
    registry.add(definition.kind, definition.name, plugin, entry.use)
    loaded.push({ entry, name: definition.name, plugin })
  }
  return loaded
}

async function importPlugin(name: string, url: string): Promise<unknown> {
  try {
    const module = (await import(url)) as { default?: unknown }
    return module.default
  } catch (cause) {
    throw new PlaygroundError(
      'PLUGIN_IMPORT',
      `${name} cannot be imported: ${errorMessage(cause)}`,
      { cause },
    )
  }
}

async function readConfig(
  definition: PluginDefinition,
  entry: PluginEntry,
  request: PluginRequest,
): Promise<unknown> {
  const result = await definition.config['~standard'].validate(entry.config)
  if (result.issues === undefined) return result.value
  const issue = result.issues[0]
  const path = (issue?.path ?? []).map((part) => (typeof part === 'object' ? part.key : part))
  const keys = path.map((key) => (typeof key === 'number' ? key : String(key)))
  const base = entry.path === undefined ? [] : [...entry.path, 'config']
  const where = keys.length === 0 ? '' : ` "${keys.join('.')}"`
  throw new PlaygroundError(
    'PLUGIN_CONFIG',
    `config${where} of ${entry.use}: ${issue?.message ?? 'is not valid'}`,
    {
      at: entry.path === undefined ? undefined : request.positionOf([...base, ...keys]),
    },
  )
}

async function startOne(one: Loaded, request: PluginRequest): Promise<void> {
  if (one.plugin.open === undefined) return
  const limitMs = request.startLimitMs ?? START_LIMIT_MS
  const limit = AbortSignal.timeout(limitMs)
  const late = Promise.withResolvers<never>()
  limit.addEventListener('abort', () => {
    late.reject(new Error(`it has not started within ${String(limitMs)} ms`))
  })
  try {
    await Promise.race([one.plugin.open(limit), late.promise])
  } catch (cause) {
    const message = `${one.entry.use} (${one.name}) does not start: ${errorMessage(cause)}`
    throw locate(new PlaygroundError('PLUGIN_START', message, { cause }), one.entry, request)
  }
}

/** The same error with the line of daemon.yaml that named the plugin. */
function locate(error: unknown, entry: PluginEntry, request: PluginRequest): PlaygroundError {
  const { code, message, hint, at, details } = asPlaygroundError(error, 'PLUGIN_IMPORT')
  const place = at ?? (entry.path === undefined ? undefined : request.positionOf(entry.path))
  const shown = at === undefined ? message : message.slice(formatPosition(at).length + 2)
  return new PlaygroundError(code, shown, { hint, details, at: place, cause: error })
}
