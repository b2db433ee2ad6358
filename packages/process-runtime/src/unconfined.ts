import type { ResourceUsage, RuntimeSupport } from '@p2p-playground/core'
import type { Confinement, Place, Run } from './confinement.js'
import { killUntilGone } from './kill.js'
import { TICKS_PER_SECOND, allProcesses, findProcesses, readEnvironment } from './proc.js'
import type { ProcessStat } from './proc.js'

/** The variable that every process of a run carries. */
export const MARK = 'P2P_PLAYGROUND_RUN'

const UNCOUNTED = { enforced: false, why: 'only that of a cgroup can be counted' } as const

/**
 * No limits. The processes of a run are those of its sessions and groups, and whatever carries its mark in the
 * environment, which a daemon that forked twice and called setsid still does.
 */
export class Unconfined implements Confinement {
  readonly #why: string

  /** `why` there are no limits. */
  constructor(why: string) {
    this.#why = why
  }

  async support(): Promise<Omit<RuntimeSupport, 'sandbox'>> {
    const not = { enforced: false, why: this.#why } as const
    return Promise.resolve({ cpu: not, memory: not, pids: not, network: UNCOUNTED })
  }

  async create(): Promise<Place> {
    return Promise.resolve({ data: {}, entrances: [], oomFile: undefined })
  }

  members(run: Run): readonly ProcessStat[] {
    return findProcesses((stat) => isOf(run, stat, () => readEnvironment(stat.pid)))
  }

  async killAll(run: Run): Promise<void> {
    await killUntilGone(() =>
      this.members(run)
        .map(({ pid }) => pid)
        .filter((pid) => pid !== run.wrapperPid),
    )
  }

  async usage(run: Run): Promise<ResourceUsage> {
    const ours = [run.wrapperPid, ...run.helperPids]
    const all = allProcesses()
      .filter(({ stat, environment }) => isOf(run, stat, environment))
      .flatMap(({ stat }) => (ours.includes(stat.pid) ? [] : [stat]))
    const ticks = all.reduce((sum, member) => sum + member.cpuTicks, 0)
    return Promise.resolve({
      cpuMs: (ticks * 1000) / TICKS_PER_SECOND,
      memoryBytes: all.reduce((sum, member) => sum + member.residentBytes, 0),
      processes: all.length,
    })
  }

  async remove(): Promise<void> {
    // Nothing was made.
  }
}

function isOf(run: Run, stat: ProcessStat, environment: () => readonly string[]): boolean {
  const leaders = [run.wrapperPid, run.groupPid]
  return (
    leaders.includes(stat.session) ||
    leaders.includes(stat.group) ||
    environment().includes(`${MARK}=${run.runId}`)
  )
}
