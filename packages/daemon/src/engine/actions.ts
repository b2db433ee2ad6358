import { asPlaygroundError, errorMessage, formatInstance } from '@p2p-playground/core'
import type {
  Clock,
  EventType,
  InstanceKey,
  InstanceRecord,
  Logger,
  NewEvent,
  StateStore,
} from '@p2p-playground/core'
import type { Action } from '@p2p-playground/core/reconcile'
import { parseManifest } from '@p2p-playground/core/manifest'
import { rm } from 'node:fs/promises'
import { admit, admitCreatedAt, checkRunnable, raisedFloor } from './admission.js'
import type { FetchProgress, FetchedPackage, Fetcher, FetchJob } from './fetcher.js'
import type { InstanceTable } from './instance-table.js'
import type { Launcher, NodeTraits } from './launcher.js'
import type { LogStore } from '../logs/log-store.js'
import type { PackageStore } from './package-store.js'
import { releaseMemorySoon } from '../release-memory.js'
import type { Supervisor } from './supervisor.js'

/** How long an app has between SIGTERM and SIGKILL. */
const STOP_GRACE_MS = 10_000

export interface FetchOutcome {
  readonly progress: FetchProgress | null
  readonly error: unknown
}

export interface ActionDependencies {
  readonly table: InstanceTable
  readonly store: StateStore
  readonly packages: PackageStore
  readonly logs: LogStore
  readonly fetcher: Fetcher
  readonly launcher: Launcher
  readonly supervisor: Supervisor
  readonly clock: Clock
  readonly logger: Logger
  readonly node: NodeTraits
  readonly runtimes: ReadonlySet<string>
  readonly healthCheckers: ReadonlySet<string>
  readonly maxApps: number
}

/** Carries out what the plan asks for. Each action can be repeated after a crash. */
export class Actions {
  /** Jobs of the fetches that are wanted, by instance; a fetch without a job is given up. */
  readonly jobs = new Map<string, FetchJob>()
  /** How each fetch stands or how it failed. */
  readonly fetches = new Map<string, FetchOutcome>()
  readonly #deps: ActionDependencies

  constructor(dependencies: ActionDependencies) {
    this.#deps = dependencies
  }

  async apply(action: Exclude<Action, { kind: 'wait' }>, signal: AbortSignal): Promise<void> {
    const record = this.#deps.table.get(action.key)
    if (record === undefined) return
    switch (action.kind) {
      case 'fetch':
        return this.#fetch(record, signal)
      case 'start':
        return this.#start(record, signal)
      case 'stop':
        return this.#stop(record)
      case 'remove':
        return this.#remove(record)
      case 'fail':
        this.#deps.table.update(record, {
          state: 'failed',
          reason: `${record.reason}; ${action.reason}`,
        })
        return
      default:
        action satisfies never
    }
  }

  hasHealthCheck(record: InstanceRecord): boolean {
    return this.#deps.launcher.manifestOf(record).healthCheck !== undefined
  }

  /** An event of this node about an instance. */
  event(type: EventType, key: InstanceKey, message: string, extra?: Partial<NewEvent>): NewEvent {
    const timeMs = this.#deps.clock.now()
    return {
      timeMs,
      type,
      app: key.app,
      version: key.version,
      message,
      code: null,
      by: null,
      ...extra,
    }
  }

  async #fetch(record: InstanceRecord, signal: AbortSignal): Promise<void> {
    const name = formatInstance(record)
    const job = this.jobs.get(name)
    const { table } = this.#deps
    if (job === undefined) {
      table.commit({ remove: [record] })
      return
    }
    const onProgress = (progress: FetchProgress): void => {
      this.fetches.set(name, { progress, error: null })
      table.changed.ring()
    }
    try {
      const fetched = await this.#deps.fetcher.fetch(job, onProgress, signal)
      await this.#accept(record, job, fetched)
    } catch (error) {
      if (signal.aborted) throw error
      this.fetches.set(name, { progress: this.fetches.get(name)?.progress ?? null, error })
      const { code, message } = asPlaygroundError(error)
      const refused = this.event('refused', record, `${name} refused: ${message}`, {
        code,
        by: job.by,
      })
      table.commit({ remove: [record], events: [refused] })
    } finally {
      releaseMemorySoon()
      this.jobs.delete(name)
    }
  }

  /** The package is good: into place, and in one transaction into the state. */
  async #accept(record: InstanceRecord, job: FetchJob, fetched: FetchedPackage): Promise<void> {
    const { table, store, packages, clock, node } = this.#deps
    const context = {
      instances: table.list(),
      store,
      maxApps: this.#deps.maxApps,
      allowDowngrade: job.allowDowngrade,
    }
    try {
      admit(job.id, context)
      admitCreatedAt(job.id, fetched.createdAtMs, context)
      const manifest = parseManifest(
        fetched.manifestText,
        `${formatInstance(record)}/manifest.yaml`,
      )
      checkRunnable(manifest, {
        platform: node.platform,
        defaultRuntime: node.defaultRuntime,
        runtimes: this.#deps.runtimes,
        healthCheckers: this.#deps.healthCheckers,
      })
    } catch (error) {
      await rm(fetched.stageDir, { recursive: true, force: true })
      await rm(fetched.partPath, { force: true })
      throw error
    }
    await packages.install({ ...fetched, key: record, digest: record.digest })
    const others = table
      .ofApp(record.app)
      .filter((other) => other.version !== record.version && other.active)
      .map((other) => ({ ...other, active: false, goal: 'stopped' as const }))
    const current = table.get(record) ?? record
    const accepted: InstanceRecord = {
      ...current,
      presence: 'present',
      active: true,
      manifest: fetched.manifestText,
      signedBy: fetched.signedBy,
      receivedAtMs: clock.now(),
      state: 'staged',
      reason: '',
    }
    table.commit({
      save: [...others, accepted],
      floor: raisedFloor(job.id, fetched.createdAtMs, store.floor(record.app)),
      digest: { key: record, digest: record.digest },
      events: [
        this.event(
          'deployed',
          record,
          `${formatInstance(record)} accepted, signed by ${fetched.signedBy}`,
          {
            by: job.by,
          },
        ),
      ],
    })
  }

  async #start(record: InstanceRecord, signal: AbortSignal): Promise<void> {
    const { table, launcher, clock } = this.#deps
    const now = clock.now()
    const fresh = record.runGeneration < record.generation
    const starting: Partial<InstanceRecord> = {
      state: 'starting',
      reason: '',
      runGeneration: record.generation,
      startsMs: fresh ? [now] : [...record.startsMs, now].slice(-100),
      ended: null,
      healthy: null,
    }
    table.update(record, starting)
    try {
      const { spec, ports } = await launcher.prepare(record)
      const handle = await launcher.runtimeOf(record).start(spec, signal)
      const running = { handle, ports, state: 'running' as const, startedAtMs: clock.now() }
      table.update(
        record,
        running,
        this.event('started', record, `${formatInstance(record)} runs as ${String(handle.pid)}`),
      )
      const current = table.get(record)
      if (current !== undefined) this.#deps.supervisor.watch(current, handle)
    } catch (error) {
      const { code, message } = asPlaygroundError(error, 'APP_START')
      table.update(
        record,
        {
          state: 'failed',
          reason: message,
          ended: { exit: { kind: 'unknown', why: message }, atMs: clock.now() },
        },
        this.event('exited', record, `${formatInstance(record)} did not start: ${message}`, {
          code,
        }),
      )
    }
  }

  async #stop(record: InstanceRecord): Promise<void> {
    const { table, launcher, supervisor } = this.#deps
    if (record.handle === null) return
    table.update(record, { state: 'stopping' })
    const exit = await launcher.runtimeOf(record).stop(record.handle, STOP_GRACE_MS)
    await supervisor.recordEnd(record, record.handle, exit)
  }

  async #remove(record: InstanceRecord): Promise<void> {
    const { table, packages, logs } = this.#deps
    table.update(record, { state: 'removing' })
    await logs.remove(record.app, record.version)
    const shared = table
      .list()
      .some(
        (other) =>
          other !== record && other.digest === record.digest && other.version !== record.version,
      )
    await packages.remove(record, shared ? null : record.digest)
    const removed = this.event('removed', record, `${formatInstance(record)} removed`)
    table.commit({ remove: [record], events: [removed], ...this.#nextActive(record) })
  }

  /** When the active version goes, the newest one that stays takes its place. */
  #nextActive(record: InstanceRecord): { save?: InstanceRecord[] } {
    if (!record.active) return {}
    const next = this.#deps.table
      .ofApp(record.app)
      .filter((other) => other.version !== record.version && other.goal !== 'removed')
      .sort((a, b) => b.receivedAtMs - a.receivedAtMs)[0]
    return next === undefined ? {} : { save: [{ ...next, active: true }] }
  }

  /** Says that an action failed for a reason of ours; the loop tries it again later. */
  reportFailure(action: Action, error: unknown): void {
    this.#deps.logger.error('action-failed', {
      action: action.kind,
      instance: formatInstance(action.key),
      error: errorMessage(error),
    })
    this.#deps.table.update(action.key, { reason: `${action.kind}: ${errorMessage(error)}` })
  }
}
