import type { ResourceUsage, RunLimits, RuntimeSupport } from '@p2p-playground/core'
import type { Freezer, ProcessStat } from '@p2p-playground/process-runtime'

export type LimitSupport = Pick<RuntimeSupport, 'cpu' | 'memory' | 'pids'>

/** The cgroups of one run: `{ all }` in version 2, one per hierarchy in version 1, each under its controllers' name. */
export type CgroupDirs = Readonly<Record<string, string>>

/** One version of the kernel's interface. */
export interface CgroupLimits {
  readonly support: LimitSupport
  /** Makes the cgroups of a run, with their limits. */
  create(name: string, limits: RunLimits): Promise<CgroupDirs>
  /** Removes what runs of earlier daemons left behind, where no process is in it any more. */
  sweep(): Promise<void>
}

/** What works on the cgroups of a run without knowing where they came from. */
export interface CgroupAccess {
  readonly oomFile: (dirs: CgroupDirs) => string | undefined
  readonly members: (dirs: CgroupDirs) => readonly ProcessStat[]
  /** Stops them while they are killed, so that nothing forks away meanwhile. */
  readonly freezer: (dirs: CgroupDirs) => Freezer
  readonly usage: (dirs: CgroupDirs) => Omit<ResourceUsage, 'processes'>
}

/** `cpu.max` or the cfs quota: microseconds of CPU time in each period. */
export function cpuQuota(cores: number): { readonly quotaUs: number; readonly periodUs: number } {
  // The kernel takes no quota below a millisecond and no period above a second.
  const periodUs = cores < 0.01 ? 1_000_000 : 100_000
  return { quotaUs: Math.max(Math.round(cores * periodUs), 1000), periodUs }
}
