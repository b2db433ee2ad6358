import { PlaygroundError, errorMessage } from '@p2p-playground/core'
import type { Clock, ResourceUsage, RunLimits, RuntimeSupport } from '@p2p-playground/core'
import { Unconfined, killUntilGone } from '@p2p-playground/process-runtime'
import type {
  Confinement,
  Place,
  PlaceData,
  ProcessStat,
  Run,
} from '@p2p-playground/process-runtime'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeCgroup, removeEmpty, removeSoon } from './cgroup-files.js'
import type { CgroupAccess, CgroupDirs, CgroupLimits, LimitSupport } from './cgroup-limits.js'
import { CGROUP_V1_ACCESS, CgroupV1 } from './cgroup-v1.js'
import { CGROUP_V2_ACCESS, CgroupV2 } from './cgroup-v2.js'
import type { Hierarchy } from './hierarchies.js'
import { NftTraffic } from './nft-traffic.js'

export interface CgroupOptions {
  readonly root?: string
  /** Tells the daemons of a machine apart. */
  readonly node: string
  readonly clock: Clock
}

/** The cgroup by which the traffic of a run is counted. */
const COUNTED = 'network'

/**
 * Holds each run in a cgroup of its own. Where there are none, runs are held together as the runtime "process" does it,
 * without limits.
 */
export class CgroupConfinement implements Confinement {
  readonly #cgroups: CgroupLimits | undefined
  readonly #traffic: NftTraffic
  /** For what only counts: below it each run has a cgroup when its limits are of version 1. */
  readonly #countedNode: string | undefined
  readonly #unconfined: Unconfined
  readonly #clock: Clock

  constructor(hierarchies: readonly Hierarchy[], options: CgroupOptions) {
    this.#clock = options.clock
    this.#unconfined = new Unconfined('this machine has no cgroups', options.clock)
    this.#cgroups = chooseVersion(hierarchies, options)
    const top = hierarchies.find(({ version }) => version === 2)?.top
    this.#traffic = new NftTraffic({ ...options, top })
    if (top !== undefined)
      this.#countedNode = join(top, options.root ?? '', 'p2p-playground', options.node)
  }

  async support(): Promise<Omit<RuntimeSupport, 'sandbox' | 'user'>> {
    const cgroups = this.#cgroups
    if (cgroups === undefined || !isUsable(cgroups.support))
      return { ...(await this.#unconfined.support()), ...cgroups?.support }
    return { ...cgroups.support, network: await this.#traffic.support() }
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
      const dirs = await this.#count(name, await this.#cgroups.create(name, { ...limits, pids }))
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

  async killAll(run: Run): Promise<readonly ProcessStat[]> {
    const dirs = dirsOf(run.place)
    const access = accessTo(dirs)
    if (access === undefined) return this.#unconfined.killAll(run)
    const freezer = access.freezer(dirs)
    return killUntilGone(() => access.members(dirs), { clock: this.#clock, freezer })
  }

  async usage(run: Run): Promise<ResourceUsage> {
    const dirs = dirsOf(run.place)
    const access = accessTo(dirs)
    if (access === undefined) return this.#unconfined.usage(run)
    const all = access.members(dirs).filter(({ pid }) => !run.helperPids.includes(pid))
    const counted = dirs[COUNTED]
    const traffic = counted === undefined ? undefined : await this.#traffic.read(counted)
    return { ...access.usage(dirs), processes: all.length, ...traffic }
  }

  async remove(place: PlaceData): Promise<void> {
    const dirs = dirsOf(place)
    const counted = dirs[COUNTED]
    if (counted !== undefined && existsSync(counted)) await this.#traffic.remove(counted)
    await Promise.all([...new Set(Object.values(dirs))].map(removeSoon))
  }

  /** Removes what runs of earlier daemons left behind. */
  async sweep(): Promise<void> {
    await this.#cgroups?.sweep()
    if (this.#countedNode !== undefined && existsSync(this.#countedNode))
      await removeEmpty(this.#countedNode)
    await this.#traffic.sweep()
  }

  /** Traffic is counted by a cgroup of version 2: that of the limits, or one more beside those of version 1. */
  async #count(name: string, dirs: CgroupDirs): Promise<CgroupDirs> {
    if (!(await this.#traffic.support()).enforced || this.#countedNode === undefined) return dirs
    const counted = dirs['all'] ?? join(this.#countedNode, name)
    await makeCgroup(counted)
    if (await this.#traffic.add(counted)) return { ...dirs, [COUNTED]: counted }
    if (dirs['all'] === undefined) await removeSoon(counted)
    return dirs
  }
}

/** Version 2 when it has a controller that limits; on hybrid machines it is there and has none. */
function chooseVersion(
  hierarchies: readonly Hierarchy[],
  options: CgroupOptions,
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
