import { formatBytes } from './bytes.js'

export const INSTANCE_STATES = [
  'staged',
  'starting',
  'running',
  'healthy',
  'unhealthy',
  'backoff',
  'stopping',
  'stopped',
  'failed',
  'removing',
] as const

export type InstanceState = (typeof INSTANCE_STATES)[number]

/** How a program ended. */
export type ExitStatus =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signaled'; readonly signal: string }
  /** The kernel killed it for using more memory than its limit; null when the limit is not known. */
  | { readonly kind: 'oom'; readonly limitBytes: number | null }
  /** It is gone and nothing recorded how; `why` says what is known. */
  | { readonly kind: 'unknown'; readonly why: string }

/** `exit 1`, `killed by SIGKILL`, `out of memory (limit 64.0 MiB)`, or the reason it is not known. */
export function formatExit(exit: ExitStatus): string {
  switch (exit.kind) {
    case 'exited':
      return `exit ${String(exit.code)}`
    case 'signaled':
      return `killed by ${exit.signal}`
    case 'oom':
      return exit.limitBytes === null
        ? 'out of memory'
        : `out of memory (limit ${formatBytes(exit.limitBytes)})`
    case 'unknown':
      return exit.why
    default:
      return exit satisfies never
  }
}

/** One app version on one node. */
export interface InstanceKey {
  readonly app: string
  readonly version: string
}

/** `name@version`. */
export function formatInstance(key: InstanceKey): string {
  return `${key.app}@${key.version}`
}

/** What the node reports of one instance. */
export interface InstanceStatus extends InstanceKey {
  /** `unknown`: it runs and its node does not watch it; or what a node of a later version says and this one has no name for. */
  readonly state: InstanceState | 'unknown'
  /** The version that a bare app name means on this node. */
  readonly active: boolean
  /** Does what it is for: healthy, or running when it has no health check. */
  readonly ready: boolean
  readonly pid: number | null
  /** Why it is in this state: last exit, last failed health check, refusal. Empty when there is nothing to say. */
  readonly reason: string
  /** SHA-256 of app.tar.gz, hex. */
  readonly digest: string
  readonly ports: Readonly<Record<string, number>>
  /** Milliseconds since the epoch, or null when it has not run. */
  readonly startedAtMs: number | null
  /** Result of the last health check, or null before the first. */
  readonly healthy: boolean | null
  /** How often the engine started it again since the last command. */
  readonly restarts: number
  /** Why its last run failed; kept while it runs again, empty when none did since the last command. */
  readonly lastFailure: string
  /** `limits not enforced: WHY`, `limits beyond this machine: WHICH`, `no sandbox: WHY`; or empty. */
  readonly limits: string
}
