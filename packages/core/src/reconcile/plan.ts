import type { AppRecord } from '../model/app-record.js'
import { newAppRecord } from '../model/app-record.js'
import type { InstanceRecord } from '../model/instance-record.js'
import type { InstanceKey } from '../model/instance.js'
import { planApp } from './plan-app.js'
import type { AppEdit, Policies } from './plan-app.js'
import { decideRestart } from './restart-policy.js'

/** Something to do with one instance. */
export type InstanceAction =
  | { readonly kind: 'fetch'; readonly key: InstanceKey }
  | { readonly kind: 'start'; readonly key: InstanceKey }
  /** `unhealthy`: it is wanted, and ended only to be started again. */
  | { readonly kind: 'stop'; readonly key: InstanceKey; readonly unhealthy: boolean }
  /** The hook that follows the end of a run. */
  | { readonly kind: 'post-stop'; readonly key: InstanceKey }
  | { readonly kind: 'remove'; readonly key: InstanceKey }
  /** The restart policy has no more starts to give. */
  | { readonly kind: 'fail'; readonly key: InstanceKey; readonly reason: string }

export type Action =
  | InstanceAction
  | AppEdit
  /** Nothing to do before `atMs`, boot clock. */
  | { readonly kind: 'wait'; readonly key: InstanceKey; readonly atMs: number }

const EDITS: ReadonlySet<string> = new Set<AppEdit['kind']>([
  'select',
  'drop-pending',
  'prove',
  'pass',
  'drop-trial',
  'fail-trial',
  'roll-back',
  'prune',
])

/** True for what only changes what is desired; the rest acts on an instance. */
export function isEdit(action: Action): action is AppEdit {
  return EDITS.has(action.kind)
}

export interface PlanInput {
  readonly instances: readonly InstanceRecord[]
  readonly apps: ReadonlyMap<string, AppRecord>
  /** True when an action on the instance is under way: it is left alone until that ends. */
  readonly busy: (key: InstanceKey) => boolean
  /** Asked for instances whose package is here. */
  readonly policies: (record: InstanceRecord) => Policies
  /** False when it is known without starting it that this node cannot run it. */
  readonly canRun: (record: InstanceRecord) => boolean
  /** False while nobody can tell how a run does: its trial waits. */
  readonly canJudge: (record: InstanceRecord) => boolean
  /** Versions of an app that are kept. */
  readonly keepVersions: number
  /** Boot clock. */
  readonly nowMs: number
}

/**
 * What to do so that what is observed becomes what is desired. While an app's desired state itself has to change, only that
 * is planned for it; else at most one action an instance. None: all is as it should be.
 */
export function plan(input: PlanInput): Action[] {
  return [...byApp(input.instances)].flatMap(([name, instances]) => {
    const app = input.apps.get(name) ?? newAppRecord(name)
    const edit = planApp({ app, instances }, input)
    if (edit !== undefined && edit.kind !== 'wait') return [edit]
    const actions = instances
      .filter((instance) => !input.busy(instance))
      .flatMap((instance) => planInstance(instance, instances, input) ?? [])
    return edit === undefined ? actions : [...actions, edit]
  })
}

function planInstance(
  instance: InstanceRecord,
  versions: readonly InstanceRecord[],
  input: PlanInput,
): Action | undefined {
  const key = { app: instance.app, version: instance.version }
  if (instance.handle !== null) return planRunning(instance, input)
  if (instance.postStopDue) return { kind: 'post-stop', key }
  if (instance.goal === 'removed') return { kind: 'remove', key }
  if (instance.presence === 'absent') return { kind: 'fetch', key }
  if (instance.goal === 'stopped') return undefined
  return isHeldUp(instance, versions) ? undefined : planStart(instance, input)
}

function planRunning(instance: InstanceRecord, input: PlanInput): Action | undefined {
  const key = { app: instance.app, version: instance.version }
  const isOutdated = instance.runGeneration < instance.generation
  if (instance.goal !== 'running' || isOutdated) return { kind: 'stop', key, unhealthy: false }
  if (instance.healthy !== false || input.policies(instance).restart.policy === 'never')
    return undefined
  return { kind: 'stop', key, unhealthy: true }
}

function planStart(instance: InstanceRecord, input: PlanInput): Action | undefined {
  const key = { app: instance.app, version: instance.version }
  if (instance.runGeneration < instance.generation || instance.ended === null)
    return { kind: 'start', key }
  if (instance.state === 'failed') return undefined
  const { restart } = input.policies(instance)
  const decision = decideRestart(restart, instance.startsMs, instance.ended)
  switch (decision.kind) {
    case 'done':
      return undefined
    case 'give-up':
      return { kind: 'fail', key, reason: decision.reason }
    case 'restart':
      return decision.atMs <= input.nowMs
        ? { kind: 'start', key }
        : { kind: 'wait', key, atMs: decision.atMs }
    default:
      return decision satisfies never
  }
}

/** The active version waits until the versions it replaces have ended: they may hold its ports. */
function isHeldUp(instance: InstanceRecord, versions: readonly InstanceRecord[]): boolean {
  return (
    instance.active &&
    versions.some(
      (other) =>
        other.version !== instance.version &&
        other.goal !== 'running' &&
        (other.handle !== null || other.postStopDue),
    )
  )
}

function byApp(instances: readonly InstanceRecord[]): ReadonlyMap<string, InstanceRecord[]> {
  const apps = new Map<string, InstanceRecord[]>()
  for (const instance of instances) {
    const known = apps.get(instance.app)
    if (known === undefined) apps.set(instance.app, [instance])
    else known.push(instance)
  }
  return apps
}
