import { fileURLToPath } from 'node:url'
import {
  PlaygroundError,
  asPlaygroundError,
  errorMessage,
  formatPosition,
} from '@p2p-playground/core'
import type {
  Clock,
  PluginContext,
  PluginDefinition,
  PluginKind,
  PluginKinds,
  PluginLifecycle,
  SourcePosition,
} from '@p2p-playground/core'
import type { Path } from '@p2p-playground/core/config'
import { checkDefinitions, checkPlugin } from '@p2p-playground/core/plugins'
import type { PluginEntry } from '../config/index.js'
import { readPluginConfig } from './plugin-config.js'
import { entryOf, formatPackage } from './plugin-package.js'
import type { PluginPackage } from './plugin-package.js'
import { runAs } from './plugin-scope.js'
import type { PluginIdentity } from './plugin-scope.js'
import { findPackage } from './resolve.js'
import { withinLimit } from './within-limit.js'

/** How long a plugin may take for its import, its start, its end. */
const LIMIT_MS = 10_000

export interface PluginRequest {
  readonly entries: readonly PluginEntry[]
  readonly positionOf: (path: Path) => SourcePosition
  /** Dotted paths of texts of daemon.yaml that are nothing but a variable. */
  readonly expanded: ReadonlySet<string>
  readonly searchRoots: readonly string[]
  readonly contextFor: (
    kind: PluginKind,
    name: string,
  ) => Promise<Omit<PluginContext<unknown>, 'config'>>
  readonly clock: Clock
  /** For each step; default 10 s. */
  readonly limitMs?: number
}

/** A plugin that was made and not started. */
export interface CreatedPlugin {
  readonly entry: PluginEntry
  readonly kind: PluginKind
  readonly name: string
  readonly identity: PluginIdentity
  /** `@acme/p2p-health-redis 1.2.0`. */
  readonly shown: string
  readonly plugin: PluginKinds[PluginKind] & PluginLifecycle
}

/** Told what is known of a package before the next step may fail. */
export interface LoadWatcher {
  found?(from: PluginPackage): void
  defined?(definitions: readonly PluginDefinition[]): void
}

/**
 * Finds, imports, checks, configures and creates the plugins of one package.
 * @throws PLUGIN_NOT_FOUND, PLUGIN_IMPORT, PLUGIN_SHAPE, PLUGIN_API, PLUGIN_CONFIG, each with the place in daemon.yaml
 */
export async function loadPackage(
  entry: PluginEntry,
  request: PluginRequest,
  watcher: LoadWatcher = {},
): Promise<CreatedPlugin[]> {
  try {
    const from = findPackage(entry.use, request.searchRoots)
    watcher.found?.(from)
    const definitions = await importDefinitions(from, request)
    watcher.defined?.(definitions)
    const created: CreatedPlugin[] = []
    for (const definition of definitions)
      created.push(await createPlugin(definition, { entry, from, request }))
    return created
  } catch (error) {
    throw locate(error, entry, request)
  }
}

/** @throws PLUGIN_IMPORT, PLUGIN_SHAPE, PLUGIN_API */
async function importDefinitions(
  from: PluginPackage,
  request: Pick<PluginRequest, 'clock' | 'limitMs'>,
): Promise<PluginDefinition[]> {
  const shown = formatPackage(from)
  const url = entryOf(from)
  return checkDefinitions(await importDefault(url, { from, shown, request }), shown)
}

async function importDefault(
  url: string,
  about: {
    readonly from: PluginPackage
    readonly shown: string
    readonly request: Pick<PluginRequest, 'clock' | 'limitMs'>
  },
): Promise<unknown> {
  const { from, shown, request } = about
  try {
    const module = await withinLimit(
      () => runAs(identityOf(from), async () => import(url) as Promise<{ default?: unknown }>),
      { ...limitOf(request), late: 'its import has not ended' },
    )
    return module.default
  } catch (cause) {
    throw new PlaygroundError(
      'PLUGIN_IMPORT',
      `${shown} cannot be imported: ${firstLine(errorMessage(cause))}`,
      { hint: importHint(cause, url), cause },
    )
  }
}

async function createPlugin(
  definition: PluginDefinition,
  about: {
    readonly entry: PluginEntry
    readonly from: PluginPackage
    readonly request: PluginRequest
  },
): Promise<CreatedPlugin> {
  const { entry, from, request } = about
  const { kind, name } = definition
  const identity = identityOf(from)
  const shown = formatPackage(from)
  const { positionOf, expanded } = request
  const config = await readPluginConfig({
    entry,
    definition,
    plugin: identity,
    shown,
    positionOf,
    expanded,
    ...limitOf(request),
  })
  const context = await request.contextFor(kind, name)
  let plugin: CreatedPlugin['plugin']
  try {
    plugin = runAs(identity, () => definition.create({ ...context, config }))
  } catch (cause) {
    throw new PlaygroundError(
      'PLUGIN_START',
      `${shown} (${kind} "${name}") cannot be made: ${errorMessage(cause)}`,
      { hint: FAULT, cause },
    )
  }
  checkPlugin(kind, plugin, `${shown} (${name})`)
  return { entry, kind, name, identity, shown, plugin }
}

const FAULT = 'That is for its author to mend; "optional: true" lets the daemon start without it.'

function importHint(cause: unknown, url: string): string {
  const { code } = asRecord(cause)
  const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
  if (isMissing) return 'Install it again, with its own dependencies.'
  // Node tells the file and the line of it only on its way out.
  return cause instanceof SyntaxError ? `"node ${fileURLToPath(url)}" shows where. ${FAULT}` : FAULT
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Node adds where from a module was required, over several lines. */
function firstLine(text: string): string {
  return text.split('\n')[0] ?? ''
}

function identityOf(from: PluginPackage): PluginIdentity {
  return { package: from.name, version: from.version, root: from.root }
}

export function limitOf(request: Pick<PluginRequest, 'clock' | 'limitMs'>): {
  readonly clock: Clock
  readonly limitMs: number
} {
  return { clock: request.clock, limitMs: request.limitMs ?? LIMIT_MS }
}

/** The same error with the line of daemon.yaml that named the plugin. */
export function locate(
  error: unknown,
  entry: PluginEntry,
  request: Pick<PluginRequest, 'positionOf'>,
): PlaygroundError {
  const { code, message, hint, at, details } = asPlaygroundError(error, 'PLUGIN_IMPORT')
  const place = at ?? (entry.path === undefined ? undefined : request.positionOf(entry.path))
  const shown = at === undefined ? message : message.slice(formatPosition(at).length + 2)
  return new PlaygroundError(code, shown, { hint, details, at: place, cause: error })
}
