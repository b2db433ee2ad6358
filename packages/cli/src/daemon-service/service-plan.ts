import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { resolveHome } from '@p2p-playground/core/home'
import type { Home } from '@p2p-playground/core/home'
import type { ServiceFacts } from './service-facts.js'
import { supervisorScript } from './supervisor-script.js'
import { systemdUnit } from './systemd-unit.js'

/** What keeps the daemon running: systemd, or a script of ours. */
export type ServiceKind = 'systemd' | 'sh'

type Environment = Readonly<Record<string, string | undefined>>

export interface ServicePlan extends ServiceFacts {
  readonly kind: ServiceKind
  readonly path: string
  readonly text: string
  readonly mode: number
}

export interface ServiceRequest {
  readonly home: Home
  readonly env: Environment
  readonly isRoot: boolean
  /** Node and the executable. */
  readonly program: readonly [string, string]
  readonly kind: ServiceKind | undefined
  readonly dir: string | undefined
  readonly name: string
  readonly config: string | undefined
  readonly environment: string | undefined
}

/** What to write and where. Changes nothing. @throws USAGE */
export function planService(request: ServiceRequest): ServicePlan {
  const { home, isRoot, name } = request
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name)) {
    throw new PlaygroundError('USAGE', `"${name}" cannot be the name of a service`, {
      hint: 'Use letters, digits, dots, hyphens and underscores.',
    })
  }
  const kind = request.kind ?? bootedKind()
  const facts: ServiceFacts = {
    name,
    scope: isRoot ? 'system' : 'user',
    home: home.config,
    command: commandOf(request),
    env: environmentOf(request.env),
    pidPath: join(dirname(home.runFile), `${name}.pid`),
  }
  for (const text of [facts.home, ...facts.command, ...Object.values(facts.env)]) checkText(text)
  const dir = request.dir ?? defaultDir(kind, request)
  return kind === 'systemd'
    ? { ...facts, kind, path: join(dir, `${name}.service`), text: systemdUnit(facts), mode: 0o644 }
    : { ...facts, kind, path: join(dir, name), text: supervisorScript(facts), mode: 0o755 }
}

/** Systemd runs this machine when this directory is there (sd_booted(3)). */
function bootedKind(): ServiceKind {
  return existsSync('/run/systemd/system') ? 'systemd' : 'sh'
}

function defaultDir(kind: ServiceKind, { home, env, isRoot }: ServiceRequest): string {
  if (kind === 'sh') return isRoot ? '/usr/local/bin' : dirname(home.state)
  if (isRoot) return '/etc/systemd/system'
  const config = env['XDG_CONFIG_HOME'] ?? ''
  return join(isAbsolute(config) ? config : join(homedir(), '.config'), 'systemd', 'user')
}

function commandOf({ program, config, environment }: ServiceRequest): string[] {
  return [
    ...program,
    'daemon',
    'start',
    '--foreground',
    ...(config === undefined ? [] : ['--config', config]),
    ...(environment === undefined ? [] : ['--env', environment]),
  ]
}

/** What decides where everything of this daemon is, as it is for the command that installs. */
function environmentOf(env: Environment): Record<string, string> {
  const isOneHome = (env['P2P_PLAYGROUND_HOME'] ?? '') !== ''
  const places = isOneHome ? ['P2P_PLAYGROUND_HOME'] : ['HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME']
  // Set for each command; said only where it is not what the others make of it.
  const { oclif } = resolveHome({ ...env, P2P_PLAYGROUND_DATA_DIR: undefined })
  const data = env['P2P_PLAYGROUND_DATA_DIR'] === oclif ? [] : ['P2P_PLAYGROUND_DATA_DIR']
  const names = [...places, 'P2P_PLAYGROUND_CONFIG', 'P2P_PLAYGROUND_ENV', ...data]
  const found = names.flatMap((name) => {
    const value = env[name] ?? ''
    return value === '' ? [] : [[name, value] as const]
  })
  return Object.fromEntries(found)
}

/** Neither a unit nor a script of one line can hold them. */
function checkText(text: string): void {
  if (/^\P{Cc}*$/u.test(text)) return
  throw new PlaygroundError('USAGE', `${JSON.stringify(text)} holds control characters`, {
    hint: 'Move it to a place with a plain name.',
  })
}
