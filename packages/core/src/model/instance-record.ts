import type { RunHandle } from '../contracts/runtime.js'
import type { ExitStatus, InstanceKey, InstanceState } from './instance.js'

/** What commands want of an instance. */
export type Goal = 'running' | 'stopped' | 'removed'

/** Where the instance's package is: asked for and not here, or verified and in place. */
export type PackagePresence = 'absent' | 'present'

/** The end of a run. */
export interface RunEnd {
  readonly exit: ExitStatus
  readonly atMs: number
}

/** One row of the node's state: what is desired and what was last observed of one instance. */
export interface InstanceRecord extends InstanceKey {
  /** SHA-256 of app.tar.gz, hex. */
  readonly digest: string
  readonly presence: PackagePresence
  readonly goal: Goal
  /** Counts start and restart commands; a run belongs to the generation it was started for. */
  readonly generation: number
  readonly active: boolean
  /** Text of manifest.yaml; empty while the package is absent. */
  readonly manifest: string
  /** Name of the trusted key; empty while the package is absent. */
  readonly signedBy: string
  readonly sizeBytes: number
  readonly receivedAtMs: number
  readonly state: InstanceState
  readonly reason: string
  /** Of the process that runs now; null when none does. */
  readonly handle: RunHandle | null
  /** Generation of the current or last run; 0 before the first. */
  readonly runGeneration: number
  readonly startedAtMs: number | null
  /** Starts within the current generation, newest last; the restart policy counts them. */
  readonly startsMs: readonly number[]
  /** How the last run ended; null while it runs or before the first. */
  readonly ended: RunEnd | null
  readonly ports: Readonly<Record<string, number>>
  readonly healthy: boolean | null
}
