import type { AppRecord, InstanceRecord, InstanceStatus, ResourceUsage } from '@p2p-playground/core'
import type { Launcher } from './launcher.js'

/** A record as others see it. */
export function statusOf(
  record: InstanceRecord,
  about: {
    readonly app: AppRecord
    readonly hasHealthCheck: boolean
    /** What the runtime does not enforce, or empty. */
    readonly limits: string
  },
): InstanceStatus {
  return {
    app: record.app,
    version: record.version,
    state: record.state,
    active: record.active,
    ready: isReady(record, about.hasHealthCheck),
    pid: record.handle?.pid ?? null,
    reason: record.reason === '' ? waitingNote(record, about.app) : record.reason,
    digest: record.digest,
    ports: record.ports,
    startedAtMs: record.startedAtMs,
    healthy: record.healthy,
    restarts: Math.max(record.startsMs.length - 1, 0),
    lastFailure: record.lastFailure,
    limits: about.limits,
  }
}

/** Does what it is for: healthy, or running when nobody can ask it. */
export function isReady(record: InstanceRecord, hasHealthCheck: boolean): boolean {
  return record.state === 'healthy' || (record.state === 'running' && !hasHealthCheck)
}

/** What is to be said of a version beside its state. */
export function noteOf(record: InstanceRecord, app: AppRecord): string {
  if (record.condemned !== '') return `failed its trial: ${record.condemned}`
  if (app.trial?.version !== record.version || record.handle === null)
    return waitingNote(record, app)
  return app.trial.provedMs === null ? 'on trial' : 'on trial, proved'
}

/** Null when nothing runs, or when its runtime cannot tell: the rest is worth showing. */
export async function usageOf(
  record: InstanceRecord,
  launcher: Launcher,
): Promise<ResourceUsage | null> {
  if (record.handle === null) return null
  try {
    return await launcher.runtimeOf(record).usage(record.handle)
  } catch {
    // Such as a runtime whose plugin is gone, or a run that ended just now.
    return null
  }
}

function waitingNote(record: InstanceRecord, { pending }: AppRecord): string {
  if (pending?.version === record.version && record.presence === 'present') {
    return pending.policy === 'manual'
      ? 'waits for "app upgrade"'
      : 'takes over when the active version ends'
  }
  return ''
}
