import { asPlaygroundError } from '@p2p-playground/core'
import type { PluginDefinition, PluginKind, SourcePosition } from '@p2p-playground/core'
import type { JsonSchema } from '@p2p-playground/core/config'
import type { PluginEntry } from '../config/index.js'
import { schemaAsJson } from './schema-as-json.js'
import { loadPackage } from './load-package.js'
import type { CreatedPlugin, PluginRequest } from './load-package.js'
import type { PluginOrigin, PluginPackage } from './plugin-package.js'

/** One plugin of a package. */
export interface ExaminedPlugin {
  readonly kind: PluginKind
  readonly name: string
  readonly api: string
  /** Only when schemas were asked for; null when the schema's library cannot show it. */
  readonly config?: JsonSchema | null
  /** Of a health checker: the keys of `health_check`; null also when it could not be made. */
  readonly spec?: JsonSchema | null
}

export interface ExaminedError {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
  /** The place that the message begins with. */
  readonly at?: SourcePosition | undefined
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

/** What was found of a package: plain data, for it comes out of another process. */
export interface Examination {
  readonly package: string
  /** Null when it was not found; empty when it names none. */
  readonly version: string | null
  readonly root: string | null
  readonly origin: PluginOrigin | null
  /** Where daemon.yaml names it. */
  readonly named: SourcePosition | null
  /** It is there without being named. */
  readonly builtIn: boolean
  readonly optional: boolean
  /** It brings commands too, or only them. */
  readonly commands: boolean
  readonly plugins: readonly ExaminedPlugin[]
  /** What would keep the daemon from loading it. */
  readonly error: ExaminedError | null
}

/** What is known before anything is looked at. */
export function unexamined(
  entry: PluginEntry,
  { positionOf, builtIn }: Pick<PluginRequest, 'positionOf'> & { readonly builtIn: boolean },
): Examination {
  return {
    package: entry.use,
    version: null,
    root: null,
    origin: null,
    named: entry.path === undefined ? null : positionOf(entry.path),
    builtIn,
    optional: entry.optional,
    commands: false,
    plugins: [],
    error: null,
  }
}

/** Does what a start does, up to the making of the plugins: nothing is started. It never rejects. */
export async function examine(
  entry: PluginEntry,
  about: {
    readonly request: PluginRequest
    readonly builtIn: boolean
    readonly schemas: boolean
  },
): Promise<Examination> {
  const { request, schemas } = about
  let from: PluginPackage | undefined
  let definitions: readonly PluginDefinition[] = []
  let created: readonly CreatedPlugin[] = []
  let error: ExaminedError | null = null
  try {
    created = await loadPackage(entry, request, {
      found: (found) => {
        from = found
      },
      defined: (defined) => {
        definitions = defined
      },
    })
  } catch (failure) {
    const { code, message, hint, at, details } = asPlaygroundError(failure)
    error = { code, message, hint, at, details }
  }
  const plugins = definitions.map(async (definition, index) =>
    describe(definition, schemas, created[index]),
  )
  return {
    ...unexamined(entry, { ...request, builtIn: about.builtIn }),
    version: from?.version ?? null,
    root: from?.root ?? null,
    origin: from?.origin ?? null,
    commands: from?.manifest.oclif !== undefined,
    plugins: await Promise.all(plugins),
    error,
  }
}

async function describe(
  { kind, name, api, config }: PluginDefinition,
  schemas: boolean,
  created: CreatedPlugin | undefined,
): Promise<ExaminedPlugin> {
  if (!schemas) return { kind, name, api }
  const shown = { kind, name, api, config: await schemaAsJson(config) }
  if (kind !== 'health-checker') return shown
  const plugin = created?.plugin
  const spec = plugin !== undefined && 'spec' in plugin ? await schemaAsJson(plugin.spec) : null
  return { ...shown, spec }
}
