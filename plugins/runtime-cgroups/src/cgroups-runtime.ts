import { createHash } from 'node:crypto'
import type { Clock, Logger, PluginLifecycle } from '@p2p-playground/core'
import { ProcessRuntime } from '@p2p-playground/process-runtime'
import { CgroupConfinement } from './cgroup-confinement.js'
import { readHierarchies } from './hierarchies.js'

/** Runs each program in a cgroup of its own: limits on CPU, memory and processes, and a kill that nothing escapes. */
export class CgroupsRuntime extends ProcessRuntime implements PluginLifecycle {
  readonly #confinement: CgroupConfinement

  /** `dataDir` is the daemon's alone, and so tells the daemons of a machine apart. */
  constructor(options: {
    readonly root?: string | undefined
    readonly dataDir: string
    readonly clock: Clock
    readonly logger?: Logger
  }) {
    const node = createHash('sha256').update(options.dataDir).digest('hex').slice(0, 12)
    const root = options.root === undefined ? {} : { root: options.root }
    const confinement = new CgroupConfinement(readHierarchies(), {
      ...root,
      node,
      clock: options.clock,
    })
    const logger = options.logger === undefined ? {} : { logger: options.logger }
    super({ name: 'cgroups', confinement, ...logger })
    this.#confinement = confinement
  }

  async open(): Promise<void> {
    await this.#confinement.sweep()
  }

  async close(): Promise<void> {
    await this.#confinement.sweep()
  }
}
