import { PlaygroundError, errorMessage } from '@p2p-playground/core'
import type { ResourceUsage, RunLimits, RuntimeSupport } from '@p2p-playground/core'
import { Unconfined } from '@p2p-playground/process-runtime'
import type {
  Confinement,
  Place,
  PlaceData,
  ProcessStat,
  Run,
} from '@p2p-playground/process-runtime'
import { join } from 'node:path'
import { removeSoon } from './cgroup-files.js'
import type { CgroupAccess, CgroupDirs, CgroupLimits, LimitSupport } from './cgroup-limits.js'
import { CGROUP_V1_ACCESS, CgroupV1 } from './cgroup-v1.js'
import { CGROUP_V2_ACCESS, CgroupV2 } from './cgroup-v2.js'
import type { Hierarchy } from './hierarchies.js'

/**
 * Holds each run in a cgroup of its own. Where there are none, runs are held together as the runtime "process" does it,
 * without limits.
 */
export class CgroupConfinement implements Confinement {
  readonly #cgroups: CgroupLimits | undefined
  readonly #unconfined = new Unconfined('this machine has no cgroups')

  constructor(
    hierarchies: readonly Hierarchy[],
    options: { readonly root?: string; readonly node: string },
  ) {
    this.#cgroups = chooseVersion(hierarchies, options)
  }

  async support(): Promise<Pick<RuntimeSupport, 'cpu' | 'memory' | 'pids'>> {
    return this.#cgroups?.support ?? this.#unconfined.support()
  }

  async create(request: {
    readonly runId: string
    readonly instance: string
    readonly limits: RunLimits
    readonly extraProcesses: number
  }): Promise<Place> {
    const { runId, instance, limits, extraProcesses } = request
    if (this.#cgroups === undefined || !isUsable(this.#cgroups.support))
      return this.#unconfined.create()
    const pids = limits.pids === undefined ? undefined : limits.pids + extraProcesses
    try {
      const name = `${instance}-${runId.slice(0, 8)}`
      const dirs = await this.#cgroups.create(name, { ...limits, pids })
      const entrances = [...new Set(Object.values(dirs))].map((dir) => join(dir, 'cgroup.procs'))
      return { data: dirs, entrances, oomFile: accessTo(dirs)?.oomFile(dirs) }
    } catch (cause) {
      throw new PlaygroundError(
        'RUNTIME_SPAWN',
        `the limits of ${instance} cannot be set: ${errorMessage(cause)}`,
        { cause, hint: 'See "limits not enforced" in docs/troubleshooting.md.' },
      )
    }
  }

  members(run: Run): readonly ProcessStat[] {
    const dirs = dirsOf(run.place)
    return accessTo(dirs)?.members(dirs) ?? this.#unconfined.members(run)
  }

  async killAll(run: Run): Promise<void> {
    const dirs = dirsOf(run.place)
    const access = accessTo(dirs)
    await (access === undefined ? this.#unconfined.killAll(run) : access.killAll(dirs))
  }

  usage(run: Run): ResourceUsage {
    const dirs = dirsOf(run.place)
    const access = accessTo(dirs)
    if (access === undefined) return this.#unconfined.usage(run)
    const all = access.members(dirs).filter(({ pid }) => !run.helperPids.includes(pid))
    return { ...access.usage(dirs), processes: all.length }
  }

  async remove(place: PlaceData): Promise<void> {
    await Promise.all([...new Set(Object.values(dirsOf(place)))].map(removeSoon))
  }

  /** Removes what runs of earlier daemons left behind. */
  async sweep(): Promise<void> {
    await this.#cgroups?.sweep()
  }
}

/** Version 2 when it has a controller that limits; on hybrid machines it is there and has none. */
function chooseVersion(
  hierarchies: readonly Hierarchy[],
  options: { readonly root?: string; readonly node: string },
): CgroupLimits | undefined {
  const unified = hierarchies.find(({ version }) => version === 2)
  const v2 = unified === undefined ? undefined : new CgroupV2(unified, options)
  if (v2 !== undefined && isUsable(v2.support)) return v2
  const split = hierarchies.filter(({ version }) => version === 1)
  const limits = split.some(({ controllers }) =>
    controllers.some((name) => name === 'cpu' || name === 'memory' || name === 'pids'),
  )
  return limits ? new CgroupV1(split, options) : v2
}

function isUsable(support: LimitSupport): boolean {
  return support.cpu.enforced || support.memory.enforced || support.pids.enforced
}

function dirsOf(place: PlaceData): CgroupDirs {
  const dirs = Object.entries(place).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(dirs)
}

function accessTo(dirs: CgroupDirs): CgroupAccess | undefined {
  if (dirs['all'] !== undefined) return CGROUP_V2_ACCESS
  return Object.keys(dirs).length === 0 ? undefined : CGROUP_V1_ACCESS
}
