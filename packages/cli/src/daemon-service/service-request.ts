import { join, resolve } from 'node:path'
import { Flags } from '@oclif/core'
import type { Home } from '@p2p-playground/core/home'
import type { ConfigFlags } from '../base-command.js'
import type { ServiceKind, ServiceRequest } from './service-plan.js'

/** What install and uninstall must agree on to mean the same service. */
export const serviceFlags = {
  init: Flags.option({
    options: ['systemd', 'sh'] as const,
    description: 'What keeps the daemon running; default: systemd where it runs this machine.',
  })(),
  name: Flags.string({
    description: 'Name of the service, for a second one on a machine.',
    default: 'p2p-playground-daemon',
  }),
  dir: Flags.string({ description: 'Directory of the unit or the script.' }),
}

export interface ServiceFlags extends ConfigFlags {
  readonly init?: ServiceKind | undefined
  readonly name: string
  readonly dir?: string | undefined
}

/** The service that a command line means. `root` is where this CLI lies. */
export function serviceRequest(flags: ServiceFlags, home: Home, root: string): ServiceRequest {
  return {
    home,
    env: process.env,
    isRoot: process.getuid?.() === 0,
    program: [process.execPath, join(root, 'bin', 'p2p-playground.js')],
    kind: flags.init,
    dir: flags.dir === undefined ? undefined : resolve(flags.dir),
    name: flags.name,
    config: flags.config === undefined ? undefined : resolve(flags.config),
    environment: flags.env,
  }
}
