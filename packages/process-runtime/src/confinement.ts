import type { JsonValue, ResourceUsage, RunLimits, RuntimeSupport } from '@p2p-playground/core'
import type { ProcessStat } from './proc.js'

/** What a confinement must find again after a daemon restart; plain JSON. */
export type PlaceData = Readonly<Record<string, JsonValue>>

/** Where one run is to live, made before its program exists. */
export interface Place {
  readonly data: PlaceData
  /** Files that a process enters the place by, writing `0` to each of them. */
  readonly entrances: readonly string[]
  /** Counts, in a line `oom_kill N`, the processes killed for want of memory; read when the program has ended. */
  readonly oomFile: string | undefined
}

/** One run, as its handle stores it. */
export interface Run {
  /** Unique; the value of MARK in the environment of its processes. */
  readonly runId: string
  /** The wrapper: it records how the program ended, and leads the session that it was started in. */
  readonly wrapperPid: number
  /** Field 22 of /proc/PID/stat; with `wrapperPid` it tells a reused pid. */
  readonly wrapperStartTicks: number
  /** The process group of the program: the wrapper's, or in a sandbox that of its first process. */
  readonly groupPid: number
  readonly groupStartTicks: number
  /** Processes that are ours and not the program's: those of the sandbox. */
  readonly helperPids: readonly number[]
  readonly place: PlaceData
}

/**
 * The part in which runtimes of processes differ: what holds the processes of a run together, and what limits them.
 * Everything that takes a `Run` works in a later daemon too, and does no harm when nothing of the run is left.
 */
export interface Confinement {
  support(): Promise<Omit<RuntimeSupport, 'sandbox' | 'user'>>
  /** `extraProcesses` of ours live in the place beside the program and are not counted against its limit. */
  create(request: {
    readonly runId: string
    readonly instance: string
    readonly limits: RunLimits
    readonly extraProcesses: number
  }): Promise<Place>
  /** Its live processes; the wrapper may be among them. */
  members(run: Run): readonly ProcessStat[]
  /**
   * SIGKILL to all of them but the wrapper, until none is left but what is not ours to kill; gives that.
   * @throws RUNTIME_STOP when some do not go
   */
  killAll(run: Run): Promise<readonly ProcessStat[]>
  /** Of the program and its children. */
  usage(run: Run): Promise<ResourceUsage>
  /** Takes away what `create` made. */
  remove(place: PlaceData): Promise<void>
}
