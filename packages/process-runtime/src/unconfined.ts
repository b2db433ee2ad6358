import { systemClock } from '@p2p-playground/core'
import type { Clock, ResourceUsage, RuntimeSupport } from '@p2p-playground/core'
import type { Confinement, Place, Run } from './confinement.js'
import { killUntilGone } from './kill.js'
import { TICKS_PER_SECOND, allProcesses, findProcesses, readEnvironment, readStat } from './proc.js'
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
  readonly #clock: Clock

  /** `why` there are no limits. */
  constructor(why: string, clock: Clock = systemClock) {
    this.#why = why
    this.#clock = clock
  }

  async support(): Promise<Omit<RuntimeSupport, 'sandbox' | 'user'>> {
    const not = { enforced: false, why: this.#why } as const
    return Promise.resolve({ cpu: not, memory: not, pids: not, network: UNCOUNTED })
  }

  async create(): Promise<Place> {
    return Promise.resolve({ data: {}, entrances: [], oomFile: undefined })
  }

  members(run: Run): readonly ProcessStat[] {
    const isOf = membership(run)
    return findProcesses((stat) => isOf(stat, () => readEnvironment(stat.pid)))
  }

  async killAll(run: Run): Promise<readonly ProcessStat[]> {
    const find = (): readonly ProcessStat[] =>
      this.members(run).filter(({ pid }) => pid !== run.wrapperPid)
    return killUntilGone(find, { clock: this.#clock })
  }

  async usage(run: Run): Promise<ResourceUsage> {
    const isOf = membership(run)
    const ours = [run.wrapperPid, ...run.helperPids]
    const all = allProcesses()
      .filter(({ stat, environment }) => isOf(stat, environment))
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

/** Tells whether a process is of the run; good for one look at all of them. */
function membership(
  run: Run,
): (stat: ProcessStat, environment: () => readonly string[]) => boolean {
  const leaders = [
    [run.wrapperPid, run.wrapperStartTicks],
    [run.groupPid, run.groupStartTicks],
  ] as const
  // Who ended while no daemon ran may have left his number to a stranger, who then leads a session of his own by it.
  const own = leaders.flatMap(([pid, startTicks]) => {
    const leader = readStat(pid)
    return leader === undefined || leader.startTicks === startTicks ? [pid] : []
  })
  return ({ session, group, startTicks }, environment) =>
    ((own.includes(session) || own.includes(group)) && startTicks >= run.wrapperStartTicks) ||
    environment().includes(`${MARK}=${run.runId}`)
}
