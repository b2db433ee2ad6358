import { formatPosition } from '@p2p-playground/core/errors'
import type { SourcePosition } from '@p2p-playground/core'
import type { ConfigRequest, Path } from '@p2p-playground/core/config'
import type { DaemonConfig } from '@p2p-playground/daemon/config'
import type { Examination } from '@p2p-playground/daemon/plugins'

/** How long each step of a plugin may take where nobody says it. */
export const PLUGIN_STEP_MS = 10_000

/** What is to be said of a package. */
export interface PluginFinding extends Examination {
  readonly result: 'ok' | 'warn' | 'fail'
  /** What is no fault, and good to know. */
  readonly notes: readonly string[]
}

/** Something that daemon.yaml wants and no plugin brings. */
export interface MissingPlugin {
  /** Begins with the place. */
  readonly message: string
  readonly hint: string
  readonly at: SourcePosition
}

export interface PluginFindings {
  readonly plugins: readonly PluginFinding[]
  readonly missing: readonly MissingPlugin[]
}

/**
 * Looks at all plugins as a start of the daemon would, in another process, and compares them with daemon.yaml. Nothing is
 * started and nothing is changed.
 * @throws CONFIG_… when daemon.yaml itself cannot be read
 */
export async function findPlugins(
  request: ConfigRequest,
  limitMs: number,
  signal: AbortSignal,
): Promise<PluginFindings> {
  const [{ loadDaemonConfig }, { examinePlugins, withClashes }, { systemClock }] =
    await Promise.all([
      import('@p2p-playground/daemon/config'),
      import('@p2p-playground/daemon/plugins'),
      import('@p2p-playground/core'),
    ])
  const { config, positionOf } = await loadDaemonConfig(request)
  const { env, environment } = request
  const asked = { env, config: request.config, environment, schemas: false, limitMs }
  const examined = withClashes(await examinePlugins({ ...asked, clock: systemClock }, signal))
  return {
    plugins: examined.map((one) => judge(one, config)),
    missing: missingOf(examined, config, positionOf),
  }
}

function isUsed({ named, builtIn }: Pick<Examination, 'named' | 'builtIn'>): boolean {
  return named !== null || builtIn
}

function judge(one: Examination, config: DaemonConfig): PluginFinding {
  if (isUsed(one)) {
    const result = one.error === null ? 'ok' : canGoOn(one) ? 'warn' : 'fail'
    return { ...one, result, notes: unusedSinks(one, config) }
  }
  const isPlugin = one.plugins.length > 0
  if (!isPlugin && one.commands)
    return { ...one, error: null, result: 'ok', notes: ['brings commands only'] }
  const notes = isPlugin ? ['installed, and not named in daemon.yaml'] : []
  // Nobody has configured it yet.
  const error = isRefusedConfig(one) ? null : one.error
  return { ...one, error, result: error === null ? 'ok' : 'warn', notes }
}

/** The schema has worked, and says what is wrong or missing. */
function isRefusedConfig({ error }: Examination): boolean {
  return error?.code === 'PLUGIN_CONFIG' && error.details?.['problems'] !== undefined
}

function canGoOn({ optional, error }: Examination): boolean {
  return optional && error?.details?.['takesProcess'] !== true
}

function unusedSinks({ plugins }: Examination, { logging }: DaemonConfig): string[] {
  const named = logging.sinks.map(({ name }) => name)
  return plugins
    .filter(({ kind, name }) => kind === 'log-sink' && !named.includes(name))
    .map(({ name }) => `no log goes to "${name}": logging.sinks does not name it`)
}

function missingOf(
  examined: readonly Examination[],
  { logging, runtime }: DaemonConfig,
  positionOf: (path: Path) => SourcePosition,
): MissingPlugin[] {
  const has = (kind: string, name: string): boolean =>
    examined.some(
      (one) =>
        isUsed(one) && one.plugins.some((plugin) => plugin.kind === kind && plugin.name === name),
    )
  const hint = 'Name the package that brings it under "plugins", or mend the name.'
  const missing = (what: string, path: Path): MissingPlugin => {
    const at = positionOf(path)
    return { message: `${formatPosition(at)}: ${what}, which no plugin brings`, hint, at }
  }
  return [
    ...logging.sinks.flatMap(({ name, path }) =>
      has('log-sink', name) ? [] : [missing(`logging.sinks names "${name}"`, path)],
    ),
    ...(has('runtime', runtime.default)
      ? []
      : [missing(`runtime.default is "${runtime.default}"`, ['runtime', 'default'])]),
  ]
}

/** One line of the list of all checks of `doctor`. */
export function summaryOf({ plugins, missing }: PluginFindings): {
  readonly result: 'ok' | 'warn' | 'fail'
  readonly message: string
  readonly hint?: string | undefined
} {
  const worst =
    plugins.find(({ result }) => result === 'fail') ??
    plugins.find(({ result }) => result === 'warn')
  if (worst?.error != null) {
    return { result: worst.result, message: worst.error.message, hint: worst.error.hint }
  }
  const [first] = missing
  if (first !== undefined) return { result: 'warn', ...first }
  const names = plugins
    .filter(isUsed)
    .flatMap((one) => one.plugins.map(({ kind, name }) => `${kind} ${name}`))
  return { result: 'ok', message: names.join(', ') }
}
