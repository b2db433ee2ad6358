import type { InstanceRecord } from '../model/instance-record.js'
import type { InstanceKey } from '../model/instance.js'
import { decideRestart } from './restart-policy.js'
import type { RestartPolicy } from './restart-policy.js'

export type Action =
  | { readonly kind: 'fetch'; readonly key: InstanceKey }
  | { readonly kind: 'start'; readonly key: InstanceKey }
  | { readonly kind: 'stop'; readonly key: InstanceKey }
  | { readonly kind: 'remove'; readonly key: InstanceKey }
  /** The restart policy has no more starts to give. */
  | { readonly kind: 'fail'; readonly key: InstanceKey; readonly reason: string }
  /** Nothing to do before `atMs`. */
  | { readonly kind: 'wait'; readonly key: InstanceKey; readonly atMs: number }

export interface PlanInput {
  readonly instances: readonly InstanceRecord[]
  /** True when an action on the instance is under way: it is left alone until that ends. */
  readonly busy: (key: InstanceKey) => boolean
  readonly restartPolicy: (key: InstanceKey) => RestartPolicy
  readonly nowMs: number
}

/** What to do so that what is observed becomes what is desired. At most one action an instance; none: it is there. */
export function plan(input: PlanInput): Action[] {
  const actions: Action[] = []
  for (const instance of input.instances) {
    if (input.busy(instance)) continue
    const action = planInstance(instance, input)
    if (action !== undefined) actions.push(action)
  }
  return actions
}

function planInstance(instance: InstanceRecord, input: PlanInput): Action | undefined {
  const key = { app: instance.app, version: instance.version }
  const runs = instance.handle !== null
  switch (instance.goal) {
    case 'removed':
      return { kind: runs ? 'stop' : 'remove', key }
    case 'stopped':
      if (runs) return { kind: 'stop', key }
      return instance.presence === 'absent' ? { kind: 'fetch', key } : undefined
    case 'running':
      if (instance.presence === 'absent') return { kind: 'fetch', key }
      if (runs)
        return instance.runGeneration < instance.generation ? { kind: 'stop', key } : undefined
      return planStart(instance, input)
    default:
      return instance.goal satisfies never
  }
}

function planStart(instance: InstanceRecord, input: PlanInput): Action | undefined {
  const key = { app: instance.app, version: instance.version }
  if (isReplacing(instance, input.instances)) return undefined
  if (instance.runGeneration < instance.generation || instance.ended === null)
    return { kind: 'start', key }
  if (instance.state === 'failed') return undefined
  const decision = decideRestart(input.restartPolicy(key), instance.startsMs, instance.ended)
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
function isReplacing(instance: InstanceRecord, all: readonly InstanceRecord[]): boolean {
  return (
    instance.active &&
    all.some(
      (other) =>
        other.app === instance.app &&
        other.version !== instance.version &&
        other.goal !== 'running' &&
        other.handle !== null,
    )
  )
}
