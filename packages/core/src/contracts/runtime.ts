import type { ExitStatus } from '../model/instance.js'

/** Whether one kind of limit is enforced here, and why not. */
export type Enforcement =
  | { readonly enforced: true; readonly by: string }
  | { readonly enforced: false; readonly why: string }

export interface RuntimeSupport {
  readonly cpu: Enforcement
  readonly memory: Enforcement
  readonly pids: Enforcement
  /** A program that sees little of the machine and can change less. */
  readonly sandbox: Enforcement
  /** A program that runs as another user than the daemon. */
  readonly user: Enforcement
  /** Whether `usage` tells of the traffic of a run, and why not. Absent: it never does. */
  readonly network?: Enforcement | undefined
}

/** `auto` takes a sandbox where it can be had, `required` refuses to start without one. */
export const SANDBOX_MODES = ['auto', 'required', 'off'] as const

export type SandboxMode = (typeof SANDBOX_MODES)[number]

/** Whom a program runs as. */
export interface RunUser {
  readonly uid: number
  readonly gid: number
}

export interface RunLimits {
  /** Cores; 0.5 is half of one. */
  readonly cpuCores?: number | undefined
  readonly memoryBytes?: number | undefined
  readonly pids?: number | undefined
}

/** One program to run. All paths are absolute. */
export interface RunSpec {
  /** `name@version`, for messages and for naming a cgroup. */
  readonly instance: string
  /** The executable and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly workDir: string
  /** The program's own files: what it writes there stays. In a sandbox nothing else but a private /tmp can be written. */
  readonly rootDir: string
  /** What a sandbox shows empty: the directories of the daemon and of other programs. */
  readonly hiddenDirs: readonly string[]
  /** What it keeps from being read: single files, in directories that are not the daemon's alone. */
  readonly hiddenFiles?: readonly string[] | undefined
  /** The whole environment of the program; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Opened for append and handed to the program; it writes there without the daemon. */
  readonly stdoutPath: string
  readonly stderrPath: string
  /** A directory of this run alone; the runtime keeps there what it needs after a daemon restart. */
  readonly runDir: string
  readonly limits: RunLimits
  readonly sandbox: SandboxMode
  /** Run as this user, to whom `rootDir` is given; only a root daemon can. */
  readonly user?: RunUser | undefined
}

export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** Told the handle of a program that has its process and has not begun. */
export type OnPlaced = (handle: RunHandle) => void

/** Names a running program, as plain JSON: it is stored and used again by the next daemon. */
export interface RunHandle {
  readonly runtime: string
  /** The program's process id in the daemon's pid namespace. */
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks after boot; with `bootId` it tells a reused pid. */
  readonly startTicks: number
  /** /proc/sys/kernel/random/boot_id when the program started. */
  readonly bootId: string
  /** What else the runtime needs. */
  readonly data: { readonly [key: string]: JsonValue }
}

export interface ResourceUsage {
  /** CPU time used so far by the whole group, milliseconds. */
  readonly cpuMs: number
  readonly memoryBytes: number
  readonly processes: number
  /** Bytes received and sent so far by the whole group; absent when that is not measured. */
  readonly networkReceivedBytes?: number | undefined
  readonly networkSentBytes?: number | undefined
}

/**
 * Runs programs. Order of calls: `support` any time; `start` gives a handle; `adopt`, `wait`, `stop`, `usage` take it,
 * in this daemon or in a later one. `close` leaves the programs running.
 */
export interface Runtime {
  /** What it can enforce on this machine. */
  support(): Promise<RuntimeSupport>
  /**
   * Starts the program inside its limits. @throws RUNTIME_SPAWN when it cannot be executed, RUNTIME_SANDBOX when a sandbox
   * is required and cannot be had, RUNTIME_USER when it cannot run as the user that is named
   *
   * `placed` is called before the program's first instruction. When it throws, or the daemon ends before it has returned,
   * nothing begins: so no program runs whose handle is not where `placed` wrote it.
   */
  start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle>
  /** Still the same program? Compares pid, start time and boot id. */
  adopt(handle: RunHandle): Promise<boolean>
  /**
   * Resolves when the program has ended, also when it ended before the call or while no daemon ran. Processes that it left
   * behind are ended first.
   */
  wait(handle: RunHandle, signal: AbortSignal): Promise<ExitStatus>
  /**
   * SIGTERM to the group, `graceMs` later SIGKILL. Idempotent, also several at a time; nothing of the app survives it that
   * is the daemon's to kill. @throws RUNTIME_STOP when some of it does not go
   */
  stop(handle: RunHandle, graceMs: number): Promise<ExitStatus>
  usage(handle: RunHandle): Promise<ResourceUsage>
}
