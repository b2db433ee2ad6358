import { asPlaygroundError, formatPosition, isErrorCode } from '@p2p-playground/core/errors'
import type { SourcePosition } from '@p2p-playground/core/errors'
import type { ConfigRequest, Problem } from '@p2p-playground/core/config'
import type { DaemonConfig, LoadedDaemonConfig } from '@p2p-playground/daemon/config'
import type { PluginFindings } from './plugin-findings.js'

/** What daemon.yaml asks for and this machine does not have. */
export interface ConfigProblems {
  /** The daemon would not start, or not run apps. */
  readonly problems: readonly Problem[]
  /** It would say so and go on. */
  readonly warnings: readonly string[]
}

/**
 * Looks for the plugins, the user and the limits that daemon.yaml names, as a start would; nothing is started.
 * @throws CONFIG_… when daemon.yaml itself cannot be read
 */
export async function findConfigProblems(
  request: ConfigRequest,
  signal: AbortSignal,
): Promise<ConfigProblems> {
  const [{ findPlugins, PLUGIN_STEP_MS }, { loadDaemonConfig }] = await Promise.all([
    import('./plugin-findings.js'),
    import('@p2p-playground/daemon/config'),
  ])
  const loaded = await loadDaemonConfig(request)
  const [machine, plugins] = await Promise.all([
    machineProblems(loaded),
    findPlugins(request, PLUGIN_STEP_MS, signal),
  ])
  const found = [machine, pluginProblems(plugins, loaded.files)]
  return {
    problems: found
      .flatMap(({ problems }) => problems)
      .toSorted((a, b) => a.at.line - b.at.line || a.at.column - b.at.column),
    warnings: found.flatMap(({ warnings }) => warnings),
  }
}

/** The user and the limits that daemon.yaml names, and this machine. */
export async function machineProblems(loaded: LoadedDaemonConfig): Promise<ConfigProblems> {
  const [{ problems, warnings }, limits] = await Promise.all([
    userProblems(loaded),
    limitWarnings(loaded),
  ])
  return { problems, warnings: [...warnings, ...limits] }
}

/** Whom `runtime.user` names must be on this machine. The daemon must be root, but whoever checks need not. */
export async function userProblems(
  {
    config,
    positionOf,
  }: Pick<LoadedDaemonConfig, 'positionOf'> & {
    readonly config: { readonly runtime: Pick<DaemonConfig['runtime'], 'user'> }
  },
  isRoot = process.getuid?.() === 0,
): Promise<ConfigProblems> {
  const { user } = config.runtime
  if (user === undefined) return { problems: [], warnings: [] }
  const at = positionOf(['runtime', 'user'])
  const warnings = isRoot
    ? []
    : [`${formatPosition(at)}: runtime.user needs a daemon that runs as root`]
  const { lookUpUser } = await import('@p2p-playground/daemon/config')
  try {
    await lookUpUser(user, at)
    return { problems: [], warnings }
  } catch (error) {
    return { problems: [problemOf(asPlaygroundError(error), at)], warnings: [] }
  }
}

/** Of limits that are more than this machine has: apps start, and nothing limits them. */
async function limitWarnings({
  config,
  positionOf,
}: Pick<LoadedDaemonConfig, 'config' | 'positionOf'>): Promise<readonly string[]> {
  const [{ limitsBeyond }, { machineSize }] = await Promise.all([
    import('@p2p-playground/core'),
    import('@p2p-playground/daemon/config'),
  ])
  return limitsBeyond(config.runtime.defaultLimits, machineSize()).map(({ limit, text }) => {
    const path = ['runtime', 'default_limits', limit]
    return `${formatPosition(positionOf(path))}: ${path.join('.')} is beyond this machine: ${text}`
  })
}

/** What keeps plugins from being loaded, and what daemon.yaml names that none brings. */
export function pluginProblems(
  { plugins, missing }: PluginFindings,
  files: readonly string[],
): ConfigProblems {
  const top = { file: files[0] ?? 'daemon.yaml', line: 1, column: 1 }
  const used = plugins.filter(({ named, builtIn }) => named !== null || builtIn)
  const failed = (wanted: string): Problem[] =>
    used.flatMap(({ result, error, named }) =>
      result === wanted && error !== null ? [problemOf(error, named ?? top)] : [],
    )
  const leftOut = failed('warn').map(textOf)
  const absent = missing.map((one) => problemOf({ code: 'CONFIG_INVALID', ...one }, one.at))
  // A plugin that may be left out may be the one that brings it: the daemon then goes on without.
  return leftOut.length > 0
    ? { problems: failed('fail'), warnings: [...leftOut, ...absent.map(textOf)] }
    : { problems: [...failed('fail'), ...absent], warnings: [] }
}

/** An error as what is wrong with a file: its place apart from its message. */
function problemOf(
  error: {
    readonly code: string
    readonly message: string
    readonly hint?: string | undefined
    readonly at?: SourcePosition | undefined
  },
  fallback: SourcePosition,
): Problem {
  const { code, message, hint, at = fallback } = error
  const place = `${formatPosition(at)}: `
  return {
    code: isErrorCode(code) ? code : 'INTERNAL',
    message: message.startsWith(place) ? message.slice(place.length) : message,
    hint,
    at,
  }
}

function textOf({ at, message }: Problem): string {
  return `${formatPosition(at)}: ${message}`
}
