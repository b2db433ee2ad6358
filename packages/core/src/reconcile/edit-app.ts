import type { AppRecord, Trial } from '../model/app-record.js'
import type { InstanceRecord } from '../model/instance-record.js'
import type { AppEdit } from './plan-app.js'

/** An app on a node: what is kept of it, and its versions. */
export interface AppState {
  readonly app: AppRecord
  readonly instances: readonly InstanceRecord[]
}

/** What becomes of an app: its record, and those of its versions that differ. */
export interface AppChange {
  readonly app: AppRecord
  readonly save: readonly InstanceRecord[]
}

const MAX_BAD_DIGESTS = 100

/** What an edit of the plan makes of an app. */
export function applyEdit(state: AppState, edit: AppEdit, nowMs: number): AppChange {
  const { app, instances } = state
  const instance = instances.find((one) => one.version === edit.key.version)
  const trial = app.trial
  switch (edit.kind) {
    case 'select': {
      const active = instances.find((one) => one.active && one.version !== edit.key.version)
      const start = active?.goal !== 'stopped' || app.pending?.policy === 'immediate'
      return activate(state, edit.key.version, { start, trial: true, nowMs })
    }
    case 'drop-pending':
      return { app: { ...app, pending: null }, save: [] }
    case 'prove':
      return { app: { ...app, trial: trial && { ...trial, provedMs: nowMs } }, save: [] }
    case 'pass':
      return { app: { ...app, trial: null, stable: edit.key.version }, save: [] }
    case 'drop-trial':
    case 'fail-trial':
      return { app: { ...app, trial: null }, save: [] }
    case 'roll-back':
      return instance === undefined
        ? { app: { ...app, trial: null }, save: [] }
        : rollBack(state, instance, edit)
    case 'prune':
      return { app, save: instance === undefined ? [] : [unneeded(instance)] }
    default:
      return edit satisfies never
  }
}

/**
 * Makes a version the active one. The one before stops, unless it runs beside by command; the new one starts, unless the
 * one before was stopped by command (`start: false`).
 */
export function activate(
  { app, instances }: AppState,
  version: string,
  options: { readonly start: boolean; readonly trial: boolean; readonly nowMs: number },
): AppChange {
  const next = instances.find((one) => one.version === version)
  if (next === undefined) return { app, save: [] }
  const replaced = instances.filter((one) => one.active && one.version !== version)
  const stopped = replaced.map((one) => ({
    ...(one.goal === 'removed' ? one : unwanted(one)),
    active: false,
  }))
  const started: InstanceRecord = options.start
    ? wanted(next)
    : { ...next, active: true, goal: 'stopped' }
  const onTrial = options.start && options.trial
  return {
    app: {
      ...app,
      pending: null,
      badDigests: app.badDigests.filter((digest) => digest !== next.digest),
      trial: onTrial ? trialOf(app, next, { replaced: replaced[0], nowMs: options.nowMs }) : null,
    },
    save: [...stopped, started],
  }
}

/** Takes a version that failed its trial out of service, for good, and brings `to` back; null: there is nothing to go back to. */
export function rollBack(
  { app, instances }: AppState,
  failed: InstanceRecord,
  options: { readonly to: string | null; readonly reason: string },
): AppChange {
  const bad = [...app.badDigests.filter((digest) => digest !== failed.digest), failed.digest]
  const { reason } = options
  const ended = failed.handle === null ? { state: 'failed' as const, reason } : {}
  const condemned = { ...failed, ...ended, goal: 'stopped' as const, condemned: reason }
  const target = instances.find((one) => one.version === options.to)
  return {
    app: {
      ...app,
      pending: app.pending?.version === failed.version ? null : app.pending,
      trial: null,
      badDigests: bad.slice(-MAX_BAD_DIGESTS),
    },
    save: target === undefined ? [condemned] : [{ ...condemned, active: false }, wanted(target)],
  }
}

/** A record that is not to run; where nothing runs that would have to end first, it has stopped. */
export function unwanted(record: InstanceRecord): InstanceRecord {
  const isOver = record.handle === null && record.state !== 'failed'
  return {
    ...record,
    goal: 'stopped',
    erase: false,
    ...(isOver ? { state: 'stopped' as const, reason: '' } : {}),
  }
}

/** A record that is to go, with its files; where nothing runs that would have to end first, it is on its way. */
export function unneeded(
  record: InstanceRecord,
  { erase }: { readonly erase: boolean } = { erase: false },
): InstanceRecord {
  return {
    ...record,
    goal: 'removed',
    erase: record.erase || erase,
    ...(record.handle === null ? { state: 'removing' as const, reason: '' } : {}),
  }
}

/** A record that is to run in a generation of its own; what is seen of its last run no longer counts. */
export function wantedAnew(record: InstanceRecord): InstanceRecord {
  return {
    ...record,
    goal: 'running',
    erase: false,
    generation: record.generation + 1,
    condemned: '',
    lastFailure: '',
    ...(record.handle === null ? { state: 'staged' as const, reason: '' } : {}),
  }
}

/** Active and wanted; what runs already goes on. */
function wanted(record: InstanceRecord): InstanceRecord {
  const runs = record.goal === 'running' && record.handle !== null
  return { ...(runs ? { ...record, condemned: '' } : wantedAnew(record)), active: true }
}

function trialOf(
  app: AppRecord,
  next: InstanceRecord,
  { replaced, nowMs }: { readonly replaced: InstanceRecord | undefined; readonly nowMs: number },
): Trial {
  const wasWell = replaced !== undefined && replaced.wellSinceMs !== null
  // One that was itself on trial, and not well, hands on the one that it replaced.
  const previous = wasWell ? replaced.version : (app.trial?.previous ?? null)
  const beganMs = next.handle === null ? null : nowMs
  return {
    version: next.version,
    previous: previous === next.version ? null : previous,
    beganMs,
    provedMs: null,
  }
}
