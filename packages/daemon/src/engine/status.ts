import type { AppRecord, InstanceRecord, InstanceStatus } from '@p2p-playground/core'

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

function waitingNote(record: InstanceRecord, { pending }: AppRecord): string {
  if (pending?.version === record.version && record.presence === 'present') {
    return pending.policy === 'manual'
      ? 'waits for "app upgrade"'
      : 'takes over when the active version ends'
  }
  return ''
}
