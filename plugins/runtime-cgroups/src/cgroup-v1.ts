import { join } from 'node:path'
import { systemCode } from '@p2p-playground/core'
import type { Enforcement, RunLimits } from '@p2p-playground/core'
import {
  hasFile,
  isWritable,
  makeCgroups,
  processesIn,
  readField,
  readNumber,
  removeEmpty,
  setLimit,
  writeCgroup,
} from './cgroup-files.js'
import { cpuQuota } from './cgroup-limits.js'
import type { CgroupAccess, CgroupDirs, CgroupLimits, LimitSupport } from './cgroup-limits.js'
import type { Hierarchy } from './hierarchies.js'

/** `cpuacct` measures, `freezer` stops; the others limit. */
const USED = ['cpu', 'cpuacct', 'memory', 'pids', 'freezer'] as const
type Controller = (typeof USED)[number]

/** Limits by cgroup v1 (kernel: cgroup-v1/): a hierarchy of its own for each controller, or for some together. */
export class CgroupV1 implements CgroupLimits {
  readonly support: LimitSupport
  /** Controller to the cgroup below which runs have theirs. */
  readonly #nodes = new Map<Controller, string>()

  constructor(
    hierarchies: readonly Hierarchy[],
    options: { readonly root?: string; readonly node: string },
  ) {
    const why = new Map<Controller, string>()
    for (const controller of USED) {
      const hierarchy = hierarchies.find(({ controllers }) => controllers.includes(controller))
      const parent = hierarchy === undefined ? undefined : parentIn(hierarchy, options.root)
      if (parent === undefined) why.set(controller, `no cgroup hierarchy has "${controller}"`)
      else if (isWritable(parent))
        this.#nodes.set(controller, join(parent, 'p2p-playground', options.node))
      else why.set(controller, `the cgroup ${parent} cannot be written`)
    }
    const enforce = (controller: Controller): Enforcement => {
      const reason = why.get(controller)
      return reason === undefined
        ? { enforced: true, by: 'cgroup v1' }
        : { enforced: false, why: reason }
    }
    this.support = { cpu: enforce('cpu'), memory: enforce('memory'), pids: enforce('pids') }
  }

  async create(name: string, limits: RunLimits): Promise<CgroupDirs> {
    const dirs = Object.fromEntries(
      [...this.#nodes].map(([controller, node]) => [controller, join(node, name)]),
    )
    await makeCgroups(Object.values(dirs), () => {
      setLimits(dirs, limits)
    })
    return dirs
  }

  async sweep(): Promise<void> {
    for (const node of new Set(this.#nodes.values())) await removeEmpty(node)
  }
}

function setLimits({ cpu, memory, pids }: CgroupDirs, limits: RunLimits): void {
  if (cpu !== undefined && limits.cpuCores !== undefined) {
    const { quotaUs, periodUs } = cpuQuota(limits.cpuCores)
    setLimit(cpu, 'cpu.cfs_period_us', String(periodUs))
    setLimit(cpu, 'cpu.cfs_quota_us', String(quotaUs))
  }
  if (memory !== undefined && limits.memoryBytes !== undefined) {
    setLimit(memory, 'memory.limit_in_bytes', String(limits.memoryBytes))
    limitSwap(memory, limits.memoryBytes)
  }
  if (pids !== undefined && limits.pids !== undefined)
    setLimit(pids, 'pids.max', String(limits.pids))
}

/** Memory and swap together, so that swap does not lengthen the limit. */
function limitSwap(dir: string, bytes: number): void {
  try {
    writeCgroup(dir, 'memory.memsw.limit_in_bytes', String(bytes))
  } catch (error) {
    // Without swap accounting the file is missing or refuses; there is no limit on swap then.
    if (systemCode(error) === undefined) throw error
  }
}

function parentIn(hierarchy: Hierarchy, root: string | undefined): string | undefined {
  if (root !== undefined) return join(hierarchy.top, root)
  return process.getuid?.() === 0 ? hierarchy.top : hierarchy.own
}

/** The one that shows the processes of a run; they are the same in all. */
const anyOf = (dirs: CgroupDirs): string => dirs['freezer'] ?? Object.values(dirs)[0] ?? ''

export const CGROUP_V1_ACCESS: CgroupAccess = {
  oomFile: ({ memory }) => (memory === undefined ? undefined : join(memory, 'memory.oom_control')),
  members: (dirs) => processesIn(anyOf(dirs)),
  freezer: ({ freezer }) => {
    const set = (state: string) => () => {
      if (freezer !== undefined && hasFile(freezer, 'freezer.state'))
        writeCgroup(freezer, 'freezer.state', state)
    }
    return { freeze: set('FROZEN'), thaw: set('THAWED') }
  },
  usage: ({ cpuacct = '', memory = '' }) => ({
    cpuMs: readNumber(cpuacct, 'cpuacct.usage') / 1e6,
    memoryBytes: Math.max(
      readNumber(memory, 'memory.usage_in_bytes') -
        readField(memory, 'memory.stat', 'total_inactive_file'),
      0,
    ),
  }),
}
