import type {
  AppRecord,
  InstanceRecord,
  InstanceStatus,
  PlaygroundError,
  ResourceUsage,
} from '@p2p-playground/core'
import { tagsOf } from '@p2p-playground/core/reconcile'
import type { InstanceTable } from './instance-table.js'
import type { Launcher } from './launcher.js'

/** What is to be known of a version beside its record. */
interface Surroundings {
  readonly app: AppRecord
  /** Why this node cannot run it, as far as that is known without starting it. */
  readonly problem: PlaygroundError | undefined
}

/** A record as others see it. */
export function statusOf(
  record: InstanceRecord,
  about: Surroundings & {
    readonly hasHealthCheck: boolean
    /** It runs, and nobody watches it. */
    readonly isLost: boolean
    /** What the runtime does not enforce, or empty. */
    readonly limits: string
  },
): InstanceStatus {
  return {
    app: record.app,
    version: record.version,
    state: about.isLost ? 'unknown' : record.state,
    active: record.active,
    ready: !about.isLost && isReady(record, about.hasHealthCheck),
    pid: record.handle?.pid ?? null,
    reason: record.reason === '' ? waitingNote(record, about) : record.reason,
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
export function noteOf(record: InstanceRecord, about: Surroundings): string {
  const { trial } = about.app
  if (record.condemned !== '') return `failed its trial: ${record.condemned}`
  if (trial?.version !== record.version || record.handle === null) return waitingNote(record, about)
  return trial.provedMs === null ? 'on trial' : 'on trial, proved'
}

/** The tags that mean this version now. */
export function tagsOfVersion(record: InstanceRecord, table: InstanceTable): string[] {
  const tags = tagsOf(table.app(record.app), table.ofApp(record.app))
  return Object.entries(tags).flatMap(([tag, version]) => (version === record.version ? [tag] : []))
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

function waitingNote(record: InstanceRecord, { app: { pending }, problem }: Surroundings): string {
  if (pending?.version !== record.version || record.presence !== 'present') return ''
  if (problem !== undefined) return `cannot run here: ${problem.message}`
  return pending.policy === 'manual'
    ? 'waits for "app upgrade"'
    : 'takes over when the active version ends'
}
