import type { RunHandle } from '../contracts/runtime.js'
import { newAppRecord } from '../model/app-record.js'
import type { AppRecord } from '../model/app-record.js'
import { newInstanceRecord } from '../model/instance-record.js'
import type { InstanceRecord, RunEnd } from '../model/instance-record.js'
import { plan } from './plan.js'
import type { Action } from './plan.js'
import type { Policies } from './plan-app.js'
import type { RestartPolicy } from './restart-policy.js'
import type { UpdateRules } from './update-rules.js'

/** Builders of the plan's tests: one app `web`, whose active version is 1.0.0. */

export const HANDLE: RunHandle = {
  runtime: 'process',
  pid: 7,
  startTicks: 1,
  bootId: 'b',
  data: {},
}
export const FAILED: RunEnd = {
  exit: { kind: 'exited', code: 1 },
  atMs: 10_000,
  unhealthy: false,
}
export const FINISHED: RunEnd = { ...FAILED, exit: { kind: 'exited', code: 0 } }
/** Of a version that runs, and runs well. */
export const RUNS = { handle: HANDLE, runGeneration: 1, state: 'running', wellSinceMs: 0 } as const

const RESTART: RestartPolicy = {
  policy: 'on-failure',
  delayMs: 1000,
  backoffMaxMs: 60_000,
  maxAttempts: 3,
  windowMs: 600_000,
}
const UPDATE: UpdateRules = {
  policy: undefined,
  maxWaitMs: undefined,
  healthyAfterMs: 10_000,
  deadlineMs: 60_000,
  watchMs: 60_000,
  autoRollback: true,
}

export interface Wishes {
  readonly restart?: Partial<RestartPolicy>
  readonly update?: Partial<UpdateRules>
  readonly startPeriodMs?: number
  readonly keepVersions?: number
  readonly busy?: boolean
  /** Versions that the node cannot run. */
  readonly unrunnable?: readonly string[]
  /** Versions of which nobody can tell how they do. */
  readonly unseen?: readonly string[]
}

export function record(patch: Partial<InstanceRecord> = {}): InstanceRecord {
  const version = patch.version ?? '1.0.0'
  return {
    ...newInstanceRecord({ app: patch.app ?? 'web', version }, `digest of ${version}`),
    presence: 'present',
    goal: 'running',
    generation: 1,
    active: true,
    signedBy: 'k',
    ...patch,
  }
}

export function app(patch: Partial<AppRecord> = {}): AppRecord {
  return { ...newAppRecord('web'), ...patch }
}

export function policiesOf(wishes: Wishes): Policies {
  return {
    restart: { ...RESTART, ...wishes.restart },
    update: { ...UPDATE, ...wishes.update },
    startPeriodMs: wishes.startPeriodMs ?? 0,
  }
}

export function planned(
  instances: readonly InstanceRecord[],
  given: { readonly nowMs?: number; readonly app?: AppRecord; readonly wishes?: Wishes } = {},
): Action[] {
  const { wishes = {} } = given
  return plan({
    instances,
    apps: new Map(given.app === undefined ? [] : [['web', given.app]]),
    busy: () => wishes.busy ?? false,
    policies: () => policiesOf(wishes),
    canRun: ({ version }) => wishes.unrunnable?.includes(version) !== true,
    canJudge: ({ version }) => wishes.unseen?.includes(version) !== true,
    keepVersions: wishes.keepVersions ?? 5,
    nowMs: given.nowMs ?? 10_000,
  })
}

/** `kind version`, and what else matters of it. */
export function shown(action: Action): string {
  const { kind, key } = action
  if (kind === 'stop' && action.unhealthy) return `stop ${key.version} unhealthy`
  if (kind === 'wait') return `wait ${key.version} ${String(action.atMs)}`
  if (kind === 'roll-back') return `roll-back ${key.version} to ${String(action.to)}`
  return `${kind} ${key.version}`
}
