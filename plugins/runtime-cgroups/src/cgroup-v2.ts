import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { errorMessage, systemCode } from '@p2p-playground/core'
import type { Enforcement, RunLimits } from '@p2p-playground/core'
import {
  hasFile,
  isWritable,
  makeCgroup,
  makeCgroups,
  processesIn,
  readCgroup,
  readField,
  readNumber,
  removeEmpty,
  setLimit,
  writeCgroup,
} from './cgroup-files.js'
import { cpuQuota } from './cgroup-limits.js'
import type { CgroupAccess, CgroupDirs, CgroupLimits, LimitSupport } from './cgroup-limits.js'
import type { Hierarchy } from './hierarchies.js'

/** Where the daemon itself goes: a cgroup with controllers for its children holds no process (kernel: cgroup-v2.rst). */
const LEAF = 'daemon'
const NAME = 'p2p-playground'
const ENABLE_TRIES = 20
const ENABLE_ROUND_MS = 50
const CONTROLLERS = ['cpu', 'memory', 'pids'] as const

/** Limits by cgroup v2. Nothing is made before the first run. */
export class CgroupV2 implements CgroupLimits {
  readonly support: LimitSupport
  readonly #top: string
  readonly #base: string
  readonly #node: string

  /** `root` is a cgroup as /proc/PID/cgroup names it; `node` tells the daemons of a machine apart. */
  constructor(hierarchy: Hierarchy, options: { readonly root?: string; readonly node: string }) {
    const { top, base } = choosePlace(hierarchy, options.root)
    this.#top = top
    this.#base = base
    this.#node = join(base, options.node)
    const controllers = readCgroup(top, 'cgroup.controllers')?.trim().split(' ') ?? []
    const why = whyNot(top)
    const enforce = (controller: string): Enforcement => {
      if (why !== undefined) return { enforced: false, why }
      return controllers.includes(controller)
        ? { enforced: true, by: 'cgroup v2' }
        : { enforced: false, why: `the cgroup ${top} has no controller "${controller}"` }
    }
    this.support = { cpu: enforce('cpu'), memory: enforce('memory'), pids: enforce('pids') }
  }

  async create(name: string, limits: RunLimits): Promise<CgroupDirs> {
    await this.#prepare()
    const dir = join(this.#node, name)
    await makeCgroups([dir], () => {
      this.#setLimits(dir, limits)
    })
    return { all: dir }
  }

  async sweep(): Promise<void> {
    await removeEmpty(this.#node)
  }

  #setLimits(dir: string, { cpuCores, memoryBytes, pids }: RunLimits): void {
    if (cpuCores !== undefined && this.support.cpu.enforced) {
      const { quotaUs, periodUs } = cpuQuota(cpuCores)
      setLimit(dir, 'cpu.max', `${String(quotaUs)} ${String(periodUs)}`)
    }
    if (memoryBytes !== undefined && this.support.memory.enforced) {
      setLimit(dir, 'memory.max', String(memoryBytes))
      if (hasFile(dir, 'memory.swap.max')) setLimit(dir, 'memory.swap.max', '0')
      setLimit(dir, 'memory.oom.group', '1')
    }
    if (pids !== undefined && this.support.pids.enforced) setLimit(dir, 'pids.max', String(pids))
  }

  /** Enables the controllers from the top down to the cgroup whose children are runs. */
  async #prepare(): Promise<void> {
    const wanted = CONTROLLERS.filter((controller) => this.support[controller].enforced)
    const chain = [this.#node]
    while (chain[0] !== undefined && chain[0] !== this.#top) chain.unshift(dirname(chain[0]))
    for (const dir of chain) {
      await makeCgroup(dir)
      try {
        enable(dir, wanted)
      } catch (error) {
        if (systemCode(error) !== 'EBUSY') throw error
        await this.#stepAside()
        await enableSoon(dir, wanted)
      }
    }
  }

  async #stepAside(): Promise<void> {
    const leaf = join(this.#base, LEAF)
    await makeCgroup(leaf)
    writeCgroup(leaf, 'cgroup.procs', String(process.pid))
  }
}

function enable(dir: string, controllers: readonly string[]): void {
  const enabled = readCgroup(dir, 'cgroup.subtree_control')?.trim().split(' ') ?? []
  const missing = controllers.filter((controller) => !enabled.includes(controller))
  if (missing.length === 0) return
  const change = missing.map((controller) => `+${controller}`).join(' ')
  try {
    writeCgroup(dir, 'cgroup.subtree_control', change)
  } catch (error) {
    throw Object.assign(new Error(`${dir}: ${change}: ${errorMessage(error)}`, { cause: error }), {
      code: systemCode(error),
    })
  }
}

/** The same, once short-lived children of the daemon have left what it left itself. */
async function enableSoon(dir: string, controllers: readonly string[]): Promise<void> {
  for (let tries = ENABLE_TRIES; ; tries -= 1) {
    try {
      enable(dir, controllers)
      return
    } catch (error) {
      if (systemCode(error) !== 'EBUSY' || tries === 0) throw error
      await delay(ENABLE_ROUND_MS)
    }
  }
}

/**
 * Directly below the topmost cgroup that this process may change: root's is that of the whole machine or container, a
 * user's that of what was delegated. So runs do not live in the daemon's own service, which could not be started again
 * in a cgroup that passes controllers on, unless nothing more than that was delegated.
 */
function choosePlace(
  { top, own }: Hierarchy,
  root: string | undefined,
): { readonly top: string; readonly base: string } {
  if (root !== undefined) return { top: dirname(join(top, root)), base: join(top, root) }
  if (process.getuid?.() === 0 || own === undefined) return { top, base: join(top, NAME) }
  let highest = own
  while (highest !== top && isWritable(dirname(highest))) highest = dirname(highest)
  return { top: highest, base: join(highest, NAME) }
}

/** Why no cgroup can be made there. */
function whyNot(top: string): string | undefined {
  if (!hasFile(top, 'cgroup.controllers')) return `there is no cgroup ${top}`
  if (!isWritable(top)) {
    return process.getuid?.() === 0
      ? `the cgroup ${top} cannot be written`
      : `the cgroup ${top} is not delegated to this user (systemd: Delegate=yes)`
  }
  // The real root, which alone has no type, may hold processes and pass controllers on.
  if (!hasFile(top, 'cgroup.type')) return undefined
  const others = (readCgroup(top, 'cgroup.procs') ?? '')
    .split('\n')
    .filter((pid) => pid !== '' && Number(pid) !== process.pid)
  return others.length === 0
    ? undefined
    : `the cgroup ${top} holds other processes than the daemon (${others.slice(0, 3).join(', ')})`
}

const dirOf = (dirs: CgroupDirs): string => dirs['all'] ?? ''

export const CGROUP_V2_ACCESS: CgroupAccess = {
  oomFile: (dirs) =>
    hasFile(dirOf(dirs), 'memory.events') ? join(dirOf(dirs), 'memory.events') : undefined,
  members: (dirs) => processesIn(dirOf(dirs)),
  freezer: (dirs) => {
    const dir = dirOf(dirs)
    const set = (file: string, value: string): void => {
      if (hasFile(dir, file)) writeCgroup(dir, file, value)
    }
    return {
      freeze: () => {
        // Since Linux 5.14: everything in it and below, atomically against forks, whoever it runs as.
        set('cgroup.kill', '1')
        set('cgroup.freeze', '1')
      },
      thaw: () => {
        set('cgroup.freeze', '0')
      },
    }
  },
  usage: (dirs) => ({
    cpuMs: readField(dirOf(dirs), 'cpu.stat', 'usage_usec') / 1000,
    // As kubelet does: what the page cache can give back at once is not counted.
    memoryBytes: Math.max(
      readNumber(dirOf(dirs), 'memory.current') -
        readField(dirOf(dirs), 'memory.stat', 'inactive_file'),
      0,
    ),
  }),
}
