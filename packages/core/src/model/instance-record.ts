import type { RunHandle } from '../contracts/runtime.js'
import type { ExitStatus, InstanceKey, InstanceState } from './instance.js'

/** What commands want of an instance. */
export type Goal = 'running' | 'stopped' | 'removed'

/** Where the instance's package is: asked for and not here, or verified and in place. */
export type PackagePresence = 'absent' | 'present'

/** The end of a run. */
export interface RunEnd {
  readonly exit: ExitStatus
  /** Boot clock. */
  readonly atMs: number
  /** The engine ended it because it was unhealthy, whatever its exit status says. */
  readonly unhealthy: boolean
}

/**
 * One row of the node's state: what is desired and what was last observed of one instance. Times that decide something are
 * of the boot clock (`Clock.monotonic`), which nobody can set; `receivedAtMs` and `startedAtMs` are for people.
 */
export interface InstanceRecord extends InstanceKey {
  /** SHA-256 of app.tar.gz, hex. */
  readonly digest: string
  readonly presence: PackagePresence
  readonly goal: Goal
  /** When it is removed, its files and its log are overwritten first. */
  readonly erase: boolean
  /** Counts start and restart commands; a run belongs to the generation it was started for. */
  readonly generation: number
  readonly active: boolean
  /** Text of manifest.yaml; empty while the package is absent. */
  readonly manifest: string
  /** Name of the trusted key; empty while the package is absent. */
  readonly signedBy: string
  readonly sizeBytes: number
  readonly receivedAtMs: number
  /** Counts the packages of the app as they came: the next is above all that are here. 0 where it was not counted yet. */
  readonly arrival: number
  readonly state: InstanceState
  readonly reason: string
  /** Of the process that runs now; null when none does. */
  readonly handle: RunHandle | null
  /** Of a hook that runs now. */
  readonly hook: RunHandle | null
  /** The engine is ending the run because it is unhealthy. */
  readonly stopsUnhealthy: boolean
  /** The last run has ended and its `post_stop` hook has not run yet. */
  readonly postStopDue: boolean
  /** Generation of the current or last run; 0 before the first. */
  readonly runGeneration: number
  readonly startedAtMs: number | null
  /** Starts within the current generation, newest last, boot clock; the restart policy counts them. */
  readonly startsMs: readonly number[]
  /** How the last run ended; null while it runs or before the first. */
  readonly ended: RunEnd | null
  readonly ports: Readonly<Record<string, number>>
  readonly healthy: boolean | null
  /** Boot clock since which it has been well without a break: healthy, or running when it has no health check. */
  readonly wellSinceMs: number | null
  /** Why the last run failed; kept over restarts, empty when none did since the last command. */
  readonly lastFailure: string
  /** Why it failed its trial; empty when it did not. A start command clears it. */
  readonly condemned: string
}

/** An instance whose package is not here yet. */
export function newInstanceRecord(key: InstanceKey, digest: string): InstanceRecord {
  return {
    app: key.app,
    version: key.version,
    digest,
    presence: 'absent',
    goal: 'stopped',
    erase: false,
    generation: 0,
    active: false,
    manifest: '',
    signedBy: '',
    sizeBytes: 0,
    receivedAtMs: 0,
    arrival: 0,
    state: 'staged',
    reason: '',
    handle: null,
    hook: null,
    stopsUnhealthy: false,
    postStopDue: false,
    runGeneration: 0,
    startedAtMs: null,
    startsMs: [],
    ended: null,
    ports: {},
    healthy: null,
    wellSinceMs: null,
    lastFailure: '',
    condemned: '',
  }
}

/** The one that came first, first. Only of those that came before arrivals were counted does the wall clock have to tell. */
export function byArrival(a: InstanceRecord, b: InstanceRecord): number {
  return a.arrival - b.arrival || a.receivedAtMs - b.receivedAtMs
}
