import type { AppRecord, Trial } from '../model/app-record.js'
import { formatDuration } from '../model/duration.js'
import type { InstanceRecord } from '../model/instance-record.js'
import { endedWell } from './restart-policy.js'
import { stableOf } from './tags.js'
import type { UpdateRules } from './update-rules.js'

/** How the trial of a version stands. */
export type TrialVerdict =
  /** Nothing to decide before `atMs`; Infinity: before something happens. */
  | { readonly kind: 'wait'; readonly atMs: number }
  /** Well for long enough: from now on it is watched. */
  | { readonly kind: 'proved' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly reason: string }

/**
 * A version proves itself by being well for `healthy_after` without a break, within `deadline`; a restart in between is
 * allowed. Then it is watched for `watch`, in which it must not fail once.
 */
export function judgeTrial(
  trial: Trial,
  instance: InstanceRecord,
  options: {
    readonly update: UpdateRules
    readonly startPeriodMs: number
    readonly nowMs: number
  },
): TrialVerdict {
  const { update, nowMs } = options
  // What is seen of an earlier run says nothing.
  if (instance.runGeneration < instance.generation) return { kind: 'wait', atMs: Infinity }
  if (instance.state === 'failed') return { kind: 'failed', reason: instance.reason }
  if (trial.beganMs === null) return { kind: 'wait', atMs: Infinity }
  // A program that does its work and ends has done all that can be asked.
  if (instance.ended !== null && endedWell(instance.ended) && instance.state === 'stopped')
    return { kind: 'passed' }
  if (trial.provedMs === null) {
    const deadlineMs = trial.beganMs + options.startPeriodMs + update.deadlineMs
    const provedMs = (instance.wellSinceMs ?? Infinity) + update.healthyAfterMs
    if (nowMs >= provedMs) return { kind: 'proved' }
    if (nowMs >= deadlineMs) return { kind: 'failed', reason: tooLate(instance, update) }
    return { kind: 'wait', atMs: Math.min(provedMs, deadlineMs) }
  }
  if (instance.wellSinceMs === null) {
    if (isStartedByCommand(instance)) return { kind: 'wait', atMs: Infinity }
    return { kind: 'failed', reason: `it failed while it was watched: ${whatIsWrong(instance)}` }
  }
  const passedMs = trial.provedMs + update.watchMs
  return nowMs >= passedMs ? { kind: 'passed' } : { kind: 'wait', atMs: passedMs }
}

/** On its way up after a restart by command: nothing has failed. */
function isStartedByCommand(instance: InstanceRecord): boolean {
  return instance.ended === null && instance.startsMs.length <= 1 && instance.healthy !== false
}

/** Where to go back to: the stable version, else the one that was replaced while it was well. */
export function rollbackTarget(
  app: AppRecord,
  instances: readonly InstanceRecord[],
  failed: InstanceRecord,
): string | null {
  for (const version of [stableOf(app), app.trial?.previous]) {
    const target = instances.find((one) => one.version === version)
    if (target === undefined || target.version === failed.version) continue
    const isThere = target.presence === 'present' && target.goal !== 'removed'
    if (isThere && !app.badDigests.includes(target.digest)) return target.version
  }
  return null
}

function tooLate(instance: InstanceRecord, update: UpdateRules): string {
  const wanted = `not well for ${formatDuration(update.healthyAfterMs)} within ${formatDuration(update.deadlineMs)}`
  return `${wanted}: ${whatIsWrong(instance)}`
}

function whatIsWrong(instance: InstanceRecord): string {
  if (instance.reason !== '') return instance.reason
  return instance.lastFailure === '' ? `it is ${instance.state}` : instance.lastFailure
}
