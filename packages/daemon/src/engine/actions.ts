import { asPlaygroundError, byArrival, errorMessage, formatInstance } from '@p2p-playground/core'
import type {
  Clock,
  InstanceKey,
  InstanceRecord,
  Logger,
  StateChange,
  StateStore,
  UpdatePolicy,
} from '@p2p-playground/core'
import type { Action, InstanceAction } from '@p2p-playground/core/reconcile'
import { parseManifest } from '@p2p-playground/core/manifest'
import type { Manifest } from '@p2p-playground/core/manifest'
import { rm } from 'node:fs/promises'
import { admit, admitCreatedAt, raisedFloor } from './admission.js'
import type { OnFailpoint } from './failpoint.js'
import type { FetchProgress, FetchedPackage, Fetcher, FetchJob } from './fetcher.js'
import { instanceEvent } from './instance-event.js'
import type { InstanceTable } from './instance-table.js'
import type { Launcher } from './launcher.js'
import type { LogStore } from '../logs/log-store.js'
import type { PackageStore } from './package-store.js'
import type { Preflight } from './preflight.js'
import type { Runs } from './runs.js'

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
  readonly preflight: Preflight
  readonly runs: Runs
  readonly clock: Clock
  readonly logger: Logger
  readonly maxApps: number
  /** Of versions whose manifest names none. */
  readonly updatePolicy: UpdatePolicy
  readonly failpoint: OnFailpoint
}

/** Carries out what the plan asks for of an instance. Each action can be repeated after a crash. */
export class Actions {
  /** Jobs of the fetches that are wanted, by instance; a fetch without a job is given up. */
  readonly jobs = new Map<string, FetchJob>()
  /** How each fetch stands or how it failed. */
  readonly fetches = new Map<string, FetchOutcome>()
  readonly #deps: ActionDependencies

  constructor(dependencies: ActionDependencies) {
    this.#deps = dependencies
  }

  async apply(action: InstanceAction, signal: AbortSignal): Promise<void> {
    const { table, runs } = this.#deps
    const record = table.get(action.key)
    if (record === undefined) return
    switch (action.kind) {
      case 'fetch':
        return this.#fetch(record, signal)
      case 'start':
        return runs.start(record, signal)
      case 'stop':
        return runs.stop(record, action.unhealthy)
      case 'post-stop':
        return runs.postStop(record, signal)
      case 'remove':
        return this.#remove(record)
      case 'fail':
        table.update(record, { state: 'failed', reason: `${record.reason}; ${action.reason}` })
        return
      default:
        action satisfies never
    }
  }

  /** Says that an action failed for a reason of ours; the loop tries it again later. */
  reportFailure(action: Exclude<Action, { kind: 'wait' }>, error: unknown): void {
    const { logger, table } = this.#deps
    const fields = { action: action.kind, instance: formatInstance(action.key) }
    logger.error('action-failed', { ...fields, error: errorMessage(error) })
    try {
      table.update(action.key, { reason: `${action.kind}: ${errorMessage(error)}` })
    } catch (worse) {
      // A full disk keeps this from being written as well; it is in the log.
      logger.error('reason-not-recorded', { ...fields, error: errorMessage(worse) })
    }
  }

  async #fetch(record: InstanceRecord, signal: AbortSignal): Promise<void> {
    const name = formatInstance(record)
    const job = this.jobs.get(name)
    const { table, clock } = this.#deps
    if (job === undefined) {
      table.commit({ remove: [record] })
      return
    }
    const onProgress = (progress: FetchProgress): void => {
      this.fetches.set(name, { progress, error: null })
      table.changed.ring()
    }
    try {
      await this.#sweepTransfers()
      const fetched = await this.#deps.fetcher.fetch(job, onProgress, signal)
      await this.#accept(record, job, fetched)
    } catch (error) {
      if (signal.aborted) throw error
      this.fetches.set(name, { progress: this.fetches.get(name)?.progress ?? null, error })
      const { code, message } = asPlaygroundError(error)
      const what = { message: `${name} refused: ${message}`, code, by: job.by }
      table.commit({ remove: [record], events: [instanceEvent(clock, 'refused', record, what)] })
    } finally {
      this.jobs.delete(name)
    }
  }

  /** What nobody wants any more makes room for what is wanted. */
  async #sweepTransfers(): Promise<void> {
    const { packages, clock, logger } = this.#deps
    const isWanted = (path: string): boolean =>
      [...this.jobs.values()].some(({ id, list }) => packages.partPath(id, list.digest) === path)
    try {
      const swept = await packages.sweepTransfers(clock, isWanted)
      for (const path of swept) logger.warn('swept', { path })
    } catch (error) {
      // No reason to refuse a package; when room lacks for that, the transfer says so.
      logger.error('sweep-failed', { error: errorMessage(error) })
    }
  }

  /** The package is good: into place, and in one transaction into the state. The plan decides when it takes over. */
  async #accept(record: InstanceRecord, job: FetchJob, fetched: FetchedPackage): Promise<void> {
    const { packages, failpoint } = this.#deps
    const manifest = await this.#admitted(record, job, fetched)
    failpoint('install-staged')
    await packages.install({ ...fetched, key: record, digest: record.digest })
    failpoint('install-in-place')
    this.#commitInstall(record, { job, fetched, manifest })
    failpoint('install-committed')
  }

  async #admitted(
    record: InstanceRecord,
    job: FetchJob,
    fetched: FetchedPackage,
  ): Promise<Manifest> {
    const { table, store, preflight, failpoint } = this.#deps
    const context = {
      instances: table.list(),
      store,
      maxApps: this.#deps.maxApps,
      allowDowngrade: job.allowDowngrade,
      badDigests: table.app(record.app).badDigests,
    }
    try {
      admit(job.id, context)
      admitCreatedAt(job.id, fetched.createdAtMs, context)
      const file = `${formatInstance(record)}/manifest.yaml`
      const manifest = parseManifest(fetched.manifestText, file)
      await preflight.admit(record.digest, manifest)
      failpoint('install-admitted')
      return manifest
    } catch (error) {
      await rm(fetched.stageDir, { recursive: true, force: true })
      await rm(fetched.partPath, { force: true })
      throw error
    }
  }

  #commitInstall(
    record: InstanceRecord,
    from: {
      readonly job: FetchJob
      readonly fetched: FetchedPackage
      readonly manifest: Manifest
    },
  ): void {
    const { table, store, clock } = this.#deps
    const { job, fetched, manifest } = from
    const { policy = this.#deps.updatePolicy } = manifest.update
    const pending = { version: record.version, policy, sinceMs: clock.monotonic() }
    const message = `${formatInstance(record)} accepted, signed by ${fetched.signedBy}`
    table.commit({
      save: [
        {
          ...(table.get(record) ?? record),
          presence: 'present',
          manifest: fetched.manifestText,
          signedBy: fetched.signedBy,
          receivedAtMs: clock.now(),
          arrival: 1 + Math.max(0, ...table.ofApp(record.app).map(({ arrival }) => arrival)),
          state: 'staged',
          reason: '',
        },
      ],
      saveApps: [{ ...table.app(record.app), pending }],
      floor: raisedFloor(job.id, fetched.createdAtMs, store.floor(record.app)),
      digest: { key: record, digest: record.digest },
      events: [instanceEvent(clock, 'deployed', record, { message, by: job.by })],
    })
  }

  async #remove(record: InstanceRecord): Promise<void> {
    const { table, packages, logs, launcher, preflight, clock, failpoint } = this.#deps
    const name = formatInstance(record)
    const { erase } = record
    table.update(record, { state: 'removing' })
    failpoint('remove-intended')
    await logs.remove(record.app, record.version, { overwrite: erase })
    failpoint('remove-log-gone')
    const isShared = table
      .list()
      .some((other) => other.digest === record.digest && formatInstance(other) !== name)
    await packages.remove(record, {
      digest: isShared ? null : record.digest,
      overwrite: erase,
    })
    failpoint('remove-files-gone')
    // Other versions of the app went on meanwhile: what counts is how they are now.
    const left = table.ofApp(record.app).filter((other) => formatInstance(other) !== name)
    const gone = table.get(record) ?? record
    const rest: Pick<StateChange, 'save' | 'saveApps' | 'removeApps'> =
      left.length === 0 ? { removeApps: [record.app] } : this.#withoutVersion(gone, left)
    const message = [`${name} removed`, ...(rest.save ?? []).map(takesOver)].join('; ')
    table.commit({
      remove: [record],
      eraseFailures: erase ? [record] : [],
      ...rest,
      events: [instanceEvent(clock, 'removed', record, { message })],
    })
    const digests = new Set(table.list().map(({ digest }) => digest))
    launcher.keepOnly(digests)
    preflight.keepOnly(digests)
    failpoint('remove-committed')
  }

  /**
   * When the active version goes, the newest one that stays takes its place, one that failed its trial only when there is
   * no other; the tags of what goes go with it.
   */
  #withoutVersion(
    { app: name, version, active }: InstanceKey & { readonly active: boolean },
    left: readonly InstanceRecord[],
  ): Pick<StateChange, 'save' | 'saveApps'> {
    const app = this.#deps.table.app(name)
    const tags = Object.entries(app.tags).filter(([, tagged]) => tagged !== version)
    const next = left
      .filter((other) => other.goal !== 'removed' && other.presence === 'present')
      .sort((a, b) => Number(a.condemned !== '') - Number(b.condemned !== '') || byArrival(b, a))[0]
    return {
      saveApps: [
        {
          ...app,
          tags: Object.fromEntries(tags),
          stable: app.stable === version ? null : app.stable,
        },
      ],
      ...(active && next !== undefined ? { save: [{ ...next, active: true }] } : {}),
    }
  }
}

/** What is said of the one that is active in place of another. */
function takesOver(next: InstanceRecord): string {
  return `${formatInstance(next)} is active now${next.goal === 'running' ? '' : ', and was not started'}`
}
