import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** Where everything of one identity is. */
export interface Home {
  /** Holds daemon.yaml, controller.yaml and keys. */
  readonly config: string
  readonly daemonConfig: string
  readonly controllerConfig: string
  readonly signingKey: string
  readonly swarmKey: string
  readonly daemonIdentity: string
  readonly controllerIdentity: string
  readonly state: string
  readonly stateDb: string
  readonly pluginData: string
  /** How far each log sink has got, and what it refused. */
  readonly logSinks: string
  /** Which uid belongs to which app, where each has its own. */
  readonly appUsers: string
  readonly runFile: string
  readonly nodes: string
  readonly apps: string
  readonly stage: string
  readonly incoming: string
  readonly packages: string
  /** Of what was found damaged. */
  readonly quarantine: string
  readonly logs: string
  /** Where oclif keeps installed plugins. */
  readonly oclif: string
  /** Directories whose package.json and node_modules may hold plugins. */
  readonly pluginRoots: readonly string[]
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * `$P2P_PLAYGROUND_HOME` holds everything when it is set; otherwise the XDG base directories do
 * (https://specifications.freedesktop.org/basedir-spec): there, a variable that is empty or relative counts as not set.
 * All paths are absolute, so that a daemon may change its directory.
 */
export function resolveHome(env: Environment): Home {
  const one = absolute(env['P2P_PLAYGROUND_HOME'])
  const user = absolute(env['HOME']) ?? homedir()
  const under = (variable: string, fallback: string): string => {
    const given = env[variable] ?? ''
    return join(isAbsolute(given) ? given : join(user, fallback), 'p2p-playground')
  }
  const config = one ?? under('XDG_CONFIG_HOME', '.config')
  const data = one ?? under('XDG_DATA_HOME', '.local/share')
  const oclif = absolute(env['P2P_PLAYGROUND_DATA_DIR']) ?? join(data, 'oclif')
  return {
    config,
    daemonConfig: join(config, 'daemon.yaml'),
    controllerConfig: join(config, 'controller.yaml'),
    signingKey: join(config, 'signing.key'),
    swarmKey: join(config, 'swarm.key'),
    daemonIdentity: join(data, 'identity', 'daemon.key'),
    controllerIdentity: join(data, 'identity', 'controller.key'),
    state: join(data, 'state'),
    stateDb: join(data, 'state', 'state.db'),
    pluginData: join(data, 'state', 'plugins'),
    logSinks: join(data, 'state', 'log-sinks'),
    appUsers: join(data, 'state', 'app-users.json'),
    runFile: join(data, 'run', 'daemon.json'),
    nodes: join(data, 'nodes.json'),
    apps: join(data, 'apps'),
    stage: join(data, 'stage'),
    incoming: join(data, 'incoming'),
    packages: join(data, 'packages'),
    quarantine: join(data, 'quarantine'),
    logs: join(data, 'logs'),
    oclif,
    pluginRoots: [join(data, 'plugins'), oclif],
  }
}

/** A directory that a variable names, from the current one; undefined when the variable is empty. */
function absolute(path: string | undefined): string | undefined {
  return path === undefined || path === '' ? undefined : resolve(path)
}
