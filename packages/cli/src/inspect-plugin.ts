import { PlaygroundError, isErrorCode } from '@p2p-playground/core/errors'
import type { ConfigRequest } from '@p2p-playground/core/config'
import type { ExaminedPlugin, Examination } from '@p2p-playground/daemon/plugins'

/** One plugin with what it takes. */
export interface InspectedPlugin extends ExaminedPlugin {
  readonly package: string
  readonly version: string | null
  readonly root: string | null
}

export interface Inspection {
  readonly plugins: readonly InspectedPlugin[]
  /** What would keep the daemon from loading them as they are configured now. */
  readonly warnings: readonly string[]
}

/** How long each step of a plugin may take. */
const LIMIT_MS = 10_000

/**
 * The plugins of a package, or all that have that name, with their schemas.
 * @throws PLUGIN_NOT_FOUND, and what keeps the package from being imported
 */
export async function inspectPlugins(
  name: string,
  { env, config, environment }: ConfigRequest,
  signal: AbortSignal,
): Promise<Inspection> {
  const [{ examinePlugins }, { systemClock }] = await Promise.all([
    import('@p2p-playground/daemon/plugins'),
    import('@p2p-playground/core'),
  ])
  const examined = await examinePlugins(
    { env, config, environment, only: name, schemas: true, limitMs: LIMIT_MS, clock: systemClock },
    signal,
  )
  const [one] = examined
  const isPackage = examined.length === 1 && one?.package === name
  if (isPackage && one.plugins.length === 0) throw failureOf(one, name)
  const plugins = examined.flatMap(({ package: from, version, root, plugins: its }) =>
    its
      .filter((plugin) => isPackage || plugin.name === name)
      .map((plugin) => ({ ...plugin, package: from, version, root })),
  )
  if (plugins.length === 0) throw await unknown(name, examined)
  const warnings = examined.flatMap(({ error, plugins: its }) =>
    error !== null && (isPackage || its.some((plugin) => plugin.name === name))
      ? [error.message]
      : [],
  )
  return { plugins, warnings }
}

function failureOf({ error }: Examination, name: string): PlaygroundError {
  if (error === null) return new PlaygroundError('PLUGIN_NOT_FOUND', `${name} holds no plugin`)
  const { code, message, hint, details } = error
  return new PlaygroundError(isErrorCode(code) ? code : 'INTERNAL', message, { hint, details })
}

async function unknown(name: string, examined: readonly Examination[]): Promise<PlaygroundError> {
  const { didYouMean } = await import('@p2p-playground/core/closest')
  const known = examined.flatMap((one) => [
    one.package,
    ...one.plugins.map((plugin) => plugin.name),
  ])
  return new PlaygroundError('PLUGIN_NOT_FOUND', `there is no plugin and no package "${name}"`, {
    hint: didYouMean(name, known) ?? '"p2p-playground plugins doctor" lists those that are there.',
  })
}
