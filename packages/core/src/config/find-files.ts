import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, parse as parsePath } from 'node:path'
import { PlaygroundError, isPlaygroundError } from '../errors.js'
import type { Environment } from './expand.js'
import type { Home } from './home.js'

export interface ConfigRequest {
  readonly home: Home
  readonly env: Environment
  /** A file that the user named, or the directory it is in; it must exist. */
  readonly config?: string | undefined
  /** Overlay name; default `$P2P_PLAYGROUND_ENV`. */
  readonly environment?: string | undefined
}

/** What may be laid over each other in one directory. */
const NAMES = ['daemon', 'controller']
const HINT = 'Check --config and P2P_PLAYGROUND_CONFIG, or make one with "p2p-playground init".'
/** Of the whole machine, and nobody else's. */
export const SYSTEM_DIR = '/etc/p2p-playground'

/**
 * The files of one configuration, the base first; none when there are none. Where `$P2P_PLAYGROUND_HOME` is set, neither the
 * XDG directory nor `systemDir` is looked into: daemons that share a machine are to share nothing that nobody named.
 * Commands do without controller.yaml wherever they look; a node whose place is named does not do without daemon.yaml.
 * @throws CONFIG_NOT_FOUND when a named file is missing, or no file is there for the environment
 */
export function findFiles(name: string, request: ConfigRequest, systemDir = SYSTEM_DIR): string[] {
  const base = findBase(name, request, systemDir)
  const files = layersOf(base, request)
  if (files.length === 0 && name === 'daemon' && isPlaceNamed(request)) throw lackingDaemon(base)
  return files
}

/** True for what says that a place which the user named has no daemon.yaml, though it is there. */
export function isLackingDaemon(error: unknown): boolean {
  return isPlaygroundError(error) && error.details['lacks'] === 'daemon.yaml'
}

function isPlaceNamed({ config = '', env }: ConfigRequest): boolean {
  return config !== '' || (env['P2P_PLAYGROUND_CONFIG'] ?? '') !== ''
}

/** A node with the defaults is open to all: nobody who says where its configuration is means that. */
function lackingDaemon(base: string): PlaygroundError {
  const dir = dirname(base)
  const overlays = readdirSync(dir).filter((file) => /^daemon\.[^.]+\.yaml$/.test(file))
  const hint =
    overlays.length > 0
      ? `There is ${overlays.join(', ')}: name the environment with --env.`
      : `Make one with "p2p-playground init --home ${dir}" or "p2p-playground join TOKEN --home ${dir}", or check --config and P2P_PLAYGROUND_CONFIG.`
  return new PlaygroundError('CONFIG_NOT_FOUND', `there is no daemon.yaml in ${dir}`, {
    hint,
    details: { lacks: 'daemon.yaml' },
  })
}

function layersOf(base: string, request: ConfigRequest): string[] {
  const exists = isThere(base)
  const environment = request.environment ?? request.env['P2P_PLAYGROUND_ENV'] ?? ''
  if (environment === '') return exists ? [base] : []
  const { dir, name: stem, ext } = parsePath(base)
  const overlay = join(dir, `${stem}.${environment}${ext}`)
  if (existsSync(overlay)) return exists ? [base, overlay] : [overlay]
  // One of daemon and controller may have nothing of its own to say about an environment, but not both.
  const others = NAMES.filter((other) => other !== stem)
  if (others.some((other) => existsSync(join(dir, `${other}.${environment}${ext}`))))
    return exists ? [base] : []
  throw new PlaygroundError(
    'CONFIG_NOT_FOUND',
    `there is no ${overlay} for environment "${environment}"`,
    { hint: `${known(dir, ext)}Make that file, or leave out --env and P2P_PLAYGROUND_ENV.` },
  )
}

/** The base file that is there, or the one that would be the first to be taken. */
function findBase(name: string, { home, env, config }: ConfigRequest, systemDir: string): string {
  const file = `${name}.yaml`
  if (config !== undefined && config !== '') return inDirectory(requireFile(config), file)
  const named = env['P2P_PLAYGROUND_CONFIG'] ?? ''
  if (named !== '') {
    const path = inDirectory(requireFile(named), file)
    // The variable holds for all commands: where it names the other one's file, ours is beside it.
    const isOthers = NAMES.some(
      (other) => other !== name && parsePath(path).base === `${other}.yaml`,
    )
    return isOthers ? join(dirname(path), file) : path
  }
  const own = join(home.config, file)
  if ((env['P2P_PLAYGROUND_HOME'] ?? '') !== '') return own
  return [own, join(systemDir, file)].find((path) => existsSync(path)) ?? own
}

/** Also of what cannot be looked at: reading it says why. Taken for missing, it would let the defaults hold. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

function requireFile(path: string): string {
  if (existsSync(path)) return path
  throw new PlaygroundError('CONFIG_NOT_FOUND', `there is no configuration file ${path}`, {
    hint: HINT,
  })
}

/** @throws CONFIG_NOT_FOUND for a directory without any configuration: a node with the defaults is open to all */
function inDirectory(path: string, file: string): string {
  if (!statSync(path).isDirectory()) return path
  const isOurs = (name: string): boolean => /^(daemon|controller)(\.[^.]+)?\.yaml$/.test(name)
  if (readdirSync(path).some(isOurs)) return join(path, file)
  throw new PlaygroundError(
    'CONFIG_NOT_FOUND',
    `there is no ${NAMES.map((name) => `${name}.yaml`).join(' or ')} in ${path}`,
    {
      hint: HINT,
    },
  )
}

function known(dir: string, ext: string): string {
  if (!existsSync(dir)) return ''
  const names = readdirSync(dir).flatMap((file) => {
    const [stem = '', environment, rest] = file.split('.')
    return NAMES.includes(stem) && `.${rest ?? ''}` === ext ? [environment ?? ''] : []
  })
  return names.length === 0 ? '' : `There are ${[...new Set(names)].sort().join(', ')}. `
}
