import { PlaygroundError, asPlaygroundError, formatInstance } from '@p2p-playground/core'
import type {
  AppAction,
  Clock,
  InstanceKey,
  InstanceRecord,
  NewEvent,
  StateStore,
} from '@p2p-playground/core'
import { matchesScope } from '@p2p-playground/core/bundle'
import { admit } from './admission.js'
import type { Engine } from './engine.js'
import { wantedRecord } from './fetcher.js'
import type { FetchJob } from './fetcher.js'

/** An app without a health check counts as ready once it has run for that long. */
const READY_AFTER_MS = 500

/** Who asks, as the handshake of its connection proved. */
export interface Asker {
  readonly peerId: string
  /** Apps that its key may act on: names or globs. */
  readonly apps: readonly string[]
}

export interface DeployOptions {
  readonly wait: boolean
  readonly timeoutMs: number
}

export interface DeployView {
  readonly phase: 'offer' | 'transfer' | 'verify' | 'start' | 'done'
  readonly doneBytes: number
  readonly reusedBytes: number
  readonly record: InstanceRecord | null
}

/** What people and controllers ask of a node. Each command edits desired state and then watches the engine get there. */
export class Commands {
  readonly #engine: Engine
  readonly #store: StateStore
  readonly #clock: Clock
  readonly #maxApps: number

  constructor(options: {
    readonly engine: Engine
    readonly store: StateStore
    readonly clock: Clock
    readonly maxApps: number
  }) {
    this.#engine = options.engine
    this.#store = options.store
    this.#clock = options.clock
    this.#maxApps = options.maxApps
  }

  /**
   * Takes an offered package and starts it; yields how it stands until it is accepted, or with `wait` until it is ready.
   * @throws any refusal; APP_START, APP_UNHEALTHY, APP_WAIT_TIMEOUT
   */
  async *deploy(
    job: FetchJob,
    asker: Asker,
    options: DeployOptions,
    signal: AbortSignal,
  ): AsyncGenerator<DeployView> {
    this.#admit(job, asker)
    yield { phase: 'offer', doneBytes: 0, reusedBytes: 0, record: null }
    this.#want(job)
    const limit = new AbortController()
    const ends = AbortSignal.any([signal, limit.signal])
    void this.#clock.sleep(options.timeoutMs, ends).then(
      () => {
        limit.abort()
      },
      () => undefined,
    )
    try {
      yield* this.#watchFetch(job, ends)
      yield* this.#watchStart(job.id, options.wait, ends)
    } catch (error) {
      if (!limit.signal.aborted || signal.aborted) throw error
      throw this.#timedOut(job.id, options.timeoutMs)
    } finally {
      limit.abort()
    }
  }

  /** Starts, stops, restarts or removes; resolves when the engine has done it. @throws APP_NOT_FOUND */
  async change(
    command: {
      readonly action: AppAction
      readonly app: string
      readonly version: string | undefined
    },
    asker: Asker,
    signal: AbortSignal,
  ): Promise<InstanceRecord[]> {
    checkScope(command.app, asker)
    const records = this.#targets(command)
    const { table } = this.#engine
    table.commit({ save: records.map((record) => edited(record, command.action)) })
    await this.#engine.settled(records, signal)
    const after = records.flatMap((record) => table.get(record) ?? [])
    const failed = after.find((record) => record.state === 'failed' && record.goal === 'running')
    if (failed !== undefined) {
      throw new PlaygroundError(
        'APP_START',
        `${formatInstance(failed)} did not start: ${failed.reason}`,
        {
          hint: `See "p2p-playground logs ${failed.app}".`,
        },
      )
    }
    return after
  }

  /** Writes down that a command was refused. */
  refused(app: string | null, error: PlaygroundError, by: string): void {
    const event: NewEvent = {
      timeMs: this.#clock.now(),
      type: 'refused',
      app,
      version: null,
      message: error.message,
      code: error.code,
      by,
    }
    this.#engine.table.record(event)
  }

  /** Before a byte is asked for; a refusal is an event of this node. */
  #admit(job: FetchJob, asker: Asker): void {
    try {
      checkScope(job.id.app, asker)
      admit(job.id, {
        instances: this.#engine.table.list(),
        store: this.#store,
        maxApps: this.#maxApps,
        allowDowngrade: job.allowDowngrade,
      })
    } catch (error) {
      this.refused(job.id.app, asPlaygroundError(error), asker.peerId)
      throw error
    }
  }

  #want(job: FetchJob): void {
    const { table, actions } = this.#engine
    const name = formatInstance(job.id)
    const known = table.get(job.id)
    actions.fetches.delete(name)
    if (known?.presence === 'present') {
      table.commit({
        save: [...this.#replaced(known), { ...edited(known, 'start'), active: true }],
      })
      return
    }
    // The same offer again, by whoever: the one that is under way serves both.
    if (known !== undefined && actions.jobs.has(name)) return
    actions.jobs.set(name, job)
    table.commit({ save: [wantedRecord(job)] })
  }

  /** The active versions that make way for `next`. */
  #replaced(next: InstanceRecord): InstanceRecord[] {
    return this.#engine.table
      .ofApp(next.app)
      .filter((other) => other.version !== next.version && other.active)
      .map((other) => ({ ...other, active: false, goal: 'stopped' as const }))
  }

  async *#watchFetch(job: FetchJob, signal: AbortSignal): AsyncGenerator<DeployView> {
    const { table, actions } = this.#engine
    const name = formatInstance(job.id)
    for (;;) {
      const seen = table.changed.count
      const record = table.get(job.id)
      if (record?.presence === 'present') return
      const outcome = actions.fetches.get(name)
      if (outcome?.error) throw outcome.error as Error
      if (record === undefined) {
        throw new PlaygroundError('TRANSFER_SOURCE', `${name} was given up before it arrived`)
      }
      if (outcome?.progress) yield { ...outcome.progress, record }
      await table.changed.after(seen, signal)
    }
  }

  async *#watchStart(
    key: InstanceKey,
    wait: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<DeployView> {
    const { table } = this.#engine
    const sizeBytes = table.get(key)?.sizeBytes ?? 0
    const reusedBytes =
      this.#engine.actions.fetches.get(formatInstance(key))?.progress?.reusedBytes ?? 0
    const view = { doneBytes: sizeBytes, reusedBytes }
    let shown: string | undefined
    for (;;) {
      const seen = table.changed.count
      const record = table.get(key) ?? null
      if (record === null)
        throw new PlaygroundError('APP_NOT_FOUND', `${formatInstance(key)} was removed`)
      const readiness = wait ? this.#readiness(record) : { ready: true, checkAgainMs: undefined }
      if (readiness.ready) {
        yield { phase: 'done', ...view, record }
        return
      }
      if (record.state !== shown) yield { phase: 'start', ...view, record }
      shown = record.state
      await this.#nextLook(seen, readiness.checkAgainMs, signal)
    }
  }

  async #nextLook(
    seen: number,
    checkAgainMs: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const round = new AbortController()
    const ends = AbortSignal.any([signal, round.signal])
    const waits = [this.#engine.table.changed.after(seen, ends)]
    if (checkAgainMs !== undefined) waits.push(this.#clock.sleep(checkAgainMs, ends))
    try {
      await Promise.race(waits)
    } finally {
      round.abort()
      await Promise.allSettled(waits)
    }
  }

  #readiness(record: InstanceRecord): { ready: boolean; checkAgainMs: number | undefined } {
    const name = formatInstance(record)
    const logs = `See "p2p-playground logs ${record.app}".`
    switch (record.state) {
      case 'healthy':
        return { ready: true, checkAgainMs: undefined }
      case 'unhealthy':
        throw new PlaygroundError('APP_UNHEALTHY', `${name} is unhealthy: ${record.reason}`, {
          hint: logs,
        })
      case 'failed':
        throw new PlaygroundError('APP_START', `${name} failed: ${record.reason}`, { hint: logs })
      case 'stopped':
        return {
          ready: record.ended !== null && record.runGeneration === record.generation,
          checkAgainMs: undefined,
        }
      case 'running': {
        if (this.#engine.actions.hasHealthCheck(record))
          return { ready: false, checkAgainMs: undefined }
        const leftMs = READY_AFTER_MS - (this.#clock.now() - (record.startedAtMs ?? 0))
        return leftMs <= 0
          ? { ready: true, checkAgainMs: undefined }
          : { ready: false, checkAgainMs: leftMs }
      }
      case 'staged':
      case 'starting':
      case 'backoff':
      case 'stopping':
      case 'removing':
        return { ready: false, checkAgainMs: undefined }
      default:
        return record.state satisfies never
    }
  }

  #timedOut(key: InstanceKey, timeoutMs: number): PlaygroundError {
    const record = this.#engine.table.get(key)
    const state =
      record === undefined
        ? 'gone'
        : record.presence === 'absent'
          ? 'still on its way'
          : record.state
    const why = record?.reason ? ` (${record.reason})` : ''
    return new PlaygroundError(
      'APP_WAIT_TIMEOUT',
      `${formatInstance(key)} was not ready within ${String(timeoutMs / 1000)} s: ${state}${why}`,
      {
        hint: `It goes on. Look with "p2p-playground app list", or give more time with --timeout.`,
      },
    )
  }

  #targets(command: {
    readonly action: AppAction
    readonly app: string
    readonly version: string | undefined
  }): InstanceRecord[] {
    const all = this.#engine.table
      .ofApp(command.app)
      .filter((record) => record.presence === 'present')
    if (all.length === 0) {
      throw new PlaygroundError('APP_NOT_FOUND', `there is no app "${command.app}" on this node`)
    }
    if (command.version !== undefined) {
      const record = all.find((one) => one.version === command.version)
      if (record !== undefined) return [record]
      throw new PlaygroundError(
        'APP_NOT_FOUND',
        `${command.app} has no version ${command.version} on this node`,
        {
          hint: `It has: ${all.map((one) => one.version).join(', ')}.`,
        },
      )
    }
    if (command.action === 'remove') return all
    return all.filter((record) => record.active)
  }
}

/** @throws AUTH_ROLE when the asker's key is not for this app. */
export function checkScope(app: string, asker: Asker): void {
  if (asker.apps.some((pattern) => matchesScope(pattern, app))) return
  throw new PlaygroundError('AUTH_ROLE', `the key of ${asker.peerId} may not act on "${app}"`, {
    hint: 'Widen "apps" of that key in the node\'s security.trusted_public_keys.',
  })
}

function edited(record: InstanceRecord, action: AppAction): InstanceRecord {
  switch (action) {
    case 'start':
      if (record.goal === 'running' && record.handle !== null) return record
      return { ...record, goal: 'running', generation: record.generation + 1 }
    case 'restart':
      return { ...record, goal: 'running', generation: record.generation + 1 }
    case 'stop':
      return {
        ...record,
        goal: 'stopped',
        ...(record.handle === null ? { state: 'stopped' as const, reason: '' } : {}),
      }
    case 'remove':
      return { ...record, goal: 'removed' }
    default:
      return action satisfies never
  }
}
