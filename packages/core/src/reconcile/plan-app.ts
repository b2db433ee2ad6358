import { byArrival } from '../model/instance-record.js'
import type { InstanceRecord } from '../model/instance-record.js'
import type { InstanceKey } from '../model/instance.js'
import type { AppState } from './edit-app.js'
import type { RestartPolicy } from './restart-policy.js'
import { stableOf } from './tags.js'
import { judgeTrial, rollbackTarget } from './trial.js'
import type { UpdateRules } from './update-rules.js'

/** What a version's manifest asks of the engine. */
export interface Policies {
  readonly restart: RestartPolicy
  readonly update: UpdateRules
  readonly startPeriodMs: number
}

/** A change of what is desired of an app, decided by the engine itself. */
export type AppEdit =
  /** The pending version takes over. */
  | { readonly kind: 'select'; readonly key: InstanceKey }
  /** The pending version is gone, or failed its trial before. */
  | { readonly kind: 'drop-pending'; readonly key: InstanceKey }
  /** The version on trial was well for long enough, and is watched from now on. */
  | { readonly kind: 'prove'; readonly key: InstanceKey }
  /** The version on trial is stable. */
  | { readonly kind: 'pass'; readonly key: InstanceKey }
  /** A command ended the trial without a verdict. */
  | { readonly kind: 'drop-trial'; readonly key: InstanceKey }
  | {
      readonly kind: 'roll-back'
      readonly key: InstanceKey
      readonly to: string | null
      readonly reason: string
    }
  /** It failed its trial and goes on all the same, without being stable. */
  | { readonly kind: 'fail-trial'; readonly key: InstanceKey; readonly reason: string }
  /** More versions are kept than should be. */
  | { readonly kind: 'prune'; readonly key: InstanceKey }

/** An edit, or the time at which one may be due; undefined: nothing of the app depends on time alone. */
export function planApp(
  state: AppState,
  options: {
    readonly policies: (record: InstanceRecord) => Policies
    readonly busy: (key: InstanceKey) => boolean
    readonly canRun: (record: InstanceRecord) => boolean
    readonly canJudge: (record: InstanceRecord) => boolean
    readonly keepVersions: number
    readonly nowMs: number
  },
):
  | AppEdit
  | { readonly kind: 'wait'; readonly key: InstanceKey; readonly atMs: number }
  | undefined {
  const trial = planTrial(state, options)
  if (trial !== undefined && trial.kind !== 'wait') return trial
  const pending = planPending(state, options)
  if (pending !== undefined && pending.kind !== 'wait') return pending
  const surplus = surplusVersion(state, options.keepVersions)
  if (surplus !== undefined) return { kind: 'prune', key: keyOf(surplus) }
  if (trial === undefined || pending === undefined) return trial ?? pending
  return trial.atMs <= pending.atMs ? trial : pending
}

function planTrial(
  { app, instances }: AppState,
  options: Parameters<typeof planApp>[1],
): ReturnType<typeof planApp> {
  const { trial } = app
  if (trial === null) return undefined
  const key = { app: app.app, version: trial.version }
  const instance = instances.find((one) => one.version === trial.version)
  if (instance?.active !== true || instance.goal !== 'running' || instance.presence === 'absent')
    return { kind: 'drop-trial', key }
  // It may do as well as ever: what is wrong is wrong with the node.
  if (instance.handle !== null && !options.canJudge(instance)) return undefined
  const { update, startPeriodMs } = options.policies(instance)
  const verdict = judgeTrial(trial, instance, { update, startPeriodMs, nowMs: options.nowMs })
  switch (verdict.kind) {
    case 'wait':
      return verdict.atMs === Infinity ? undefined : { kind: 'wait', key, atMs: verdict.atMs }
    case 'proved':
      return { kind: 'prove', key }
    case 'passed':
      return { kind: 'pass', key }
    case 'failed': {
      const { reason } = verdict
      if (!update.autoRollback) return { kind: 'fail-trial', key, reason }
      const to = rollbackTarget(app, instances.filter(options.canRun), instance)
      // It was well before, nothing better is here, and its restart policy has not given up: it may go on.
      const goesOn = to === null && trial.provedMs !== null && instance.state !== 'failed'
      return goesOn ? { kind: 'fail-trial', key, reason } : { kind: 'roll-back', key, to, reason }
    }
    default:
      return verdict satisfies never
  }
}

function planPending(
  { app, instances }: AppState,
  options: Parameters<typeof planApp>[1],
): ReturnType<typeof planApp> {
  const { pending } = app
  if (pending === null) return undefined
  const key = { app: app.app, version: pending.version }
  const next = instances.find((one) => one.version === pending.version)
  if (next === undefined || next.goal === 'removed') return { kind: 'drop-pending', key }
  if (next.presence === 'absent') return undefined
  if (app.badDigests.includes(next.digest) && pending.policy !== 'immediate')
    return { kind: 'drop-pending', key }
  const active = instances.find((one) => one.active && one.goal !== 'removed')
  if (active?.version === next.version) return { kind: 'select', key }
  // What runs is not taken down for it; it waits until the node can.
  if (!options.canRun(next)) return undefined
  if (active === undefined) return { kind: 'select', key }
  switch (pending.policy) {
    case 'immediate':
      return { kind: 'select', key }
    case 'graceful': {
      if (active.handle === null && !options.busy(active)) return { kind: 'select', key }
      const { maxWaitMs } = options.policies(next).update
      if (maxWaitMs === undefined) return undefined
      const atMs = pending.sinceMs + maxWaitMs
      return options.nowMs >= atMs ? { kind: 'select', key } : { kind: 'wait', key, atMs }
    }
    case 'manual':
      return undefined
    default:
      return pending.policy satisfies never
  }
}

/**
 * The version to give up when there are too many: the oldest of those that failed their trial and, where these are not to blame,
 * the oldest of all. One that waits or is on trial may fail yet, and so pushes out none.
 */
function surplusVersion(
  { app, instances }: AppState,
  keepVersions: number,
): InstanceRecord | undefined {
  const unproved = [app.pending?.version, app.trial?.version]
  const kept = instances.filter(
    (one) =>
      one.presence === 'present' && one.goal !== 'removed' && !unproved.includes(one.version),
  )
  if (kept.length <= keepVersions) return undefined
  const needed = new Set([
    app.trial?.previous,
    app.stable,
    stableOf(app),
    ...Object.values(app.tags),
  ])
  const oldestFree = (from: readonly InstanceRecord[]): InstanceRecord | undefined =>
    from
      .filter((one) => !one.active && one.goal === 'stopped' && one.handle === null)
      .filter((one) => !needed.has(one.version))
      .sort(byArrival)[0]
  const others = kept.filter((one) => one.condemned === '')
  return (
    oldestFree(kept.filter((one) => one.condemned !== '')) ??
    (others.length > keepVersions ? oldestFree(others) : undefined)
  )
}

function keyOf(record: InstanceRecord): InstanceKey {
  return { app: record.app, version: record.version }
}
