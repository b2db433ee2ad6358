import {
  PlaygroundError,
  asPlaygroundError,
  formatBytes,
  formatDuration,
  formatInstance,
} from '@p2p-playground/core'
import type {
  Clock,
  InstanceKey,
  InstanceRecord,
  StateStore,
  UpdatePolicy,
} from '@p2p-playground/core'
import { unwanted } from '@p2p-playground/core/reconcile'
import { admit, anotherContent } from './admission.js'
import { edited, isUp, refusal } from './commands.js'
import type { Asker } from './commands.js'
import type { Engine } from './engine.js'
import { wantedRecord } from './fetcher.js'
import type { FetchJob } from './fetcher.js'
import { GOES_ON, StartWatch } from './start-watch.js'
import type { WaitOptions } from './start-watch.js'
import { TimeLimit } from './time-limit.js'

export interface DeployView {
  readonly phase: 'offer' | 'transfer' | 'verify' | 'start' | 'done'
  readonly doneBytes: number
  readonly reusedBytes: number
  readonly copiedBytes: number
  readonly record: InstanceRecord | null
}

const GOES_ON_AGAIN = 'Deploying it again goes on where it was; give more time with --timeout.'

/** Takes offered packages, and watches the engine bring them to run. */
export class Deployments {
  readonly #engine: Engine
  readonly #store: StateStore
  readonly #clock: Clock
  readonly #maxApps: number
  readonly #updatePolicy: UpdatePolicy
  readonly #watch: StartWatch

  constructor(options: {
    readonly engine: Engine
    readonly store: StateStore
    readonly clock: Clock
    readonly maxApps: number
    readonly updatePolicy: UpdatePolicy
  }) {
    this.#engine = options.engine
    this.#store = options.store
    this.#clock = options.clock
    this.#maxApps = options.maxApps
    this.#updatePolicy = options.updatePolicy
    this.#watch = new StartWatch(options)
  }

  /**
   * Takes an offered package, which then takes over as its update policy says; yields how it stands until it is accepted,
   * or with `wait` until it is ready, or waits for its turn.
   * @throws any refusal; APP_START, APP_UNHEALTHY, APP_ROLLED_BACK, APP_WAIT_TIMEOUT
   */
  async *deploy(
    job: FetchJob,
    asker: Asker,
    options: WaitOptions,
    signal: AbortSignal,
  ): AsyncGenerator<DeployView> {
    await this.#admit(job, asker)
    yield { phase: 'offer', doneBytes: 0, reusedBytes: 0, copiedBytes: 0, record: null }
    await this.#requireRunnable(job, asker)
    await this.#orRefuse(job, asker, () => {
      this.#want(job)
    })
    const limit = new TimeLimit(options.timeoutMs, this.#clock, signal)
    try {
      yield* this.#watchFetch(job, limit.signal)
      yield* this.#watchStart(job.id, options.wait, limit.signal)
    } catch (error) {
      throw limit.isOver ? this.#timedOut(job, options) : error
    } finally {
      limit.lift()
    }
  }

  /** Before a byte is asked for; a refusal is an event of this node. */
  async #admit(job: FetchJob, asker: Asker): Promise<void> {
    const { table } = this.#engine
    await this.#orRefuse(job, asker, () => {
      admit(job.id, {
        instances: table.list(),
        store: this.#store,
        maxApps: this.#maxApps,
        allowDowngrade: job.allowDowngrade,
        badDigests: table.app(job.id.app).badDigests,
      })
    })
  }

  async #orRefuse(
    { id }: FetchJob,
    asker: Asker,
    check: () => void | Promise<void>,
  ): Promise<void> {
    try {
      await check()
    } catch (error) {
      const { table } = this.#engine
      table.record(refusal(this.#clock, id.app, asPlaygroundError(error), asker.peerId))
      throw error
    }
  }

  /** What is here already was looked at when it came; the node may have changed since. */
  async #requireRunnable(job: FetchJob, asker: Asker): Promise<void> {
    const { table, preflight } = this.#engine
    const known = table.get(job.id)
    if (known?.presence !== 'present' || (known.active && isUp(known))) return
    await this.#orRefuse(job, asker, async () => preflight.require(known))
  }

  #want(job: FetchJob): void {
    const { table, actions, launcher } = this.#engine
    const name = formatInstance(job.id)
    const known = table.get(job.id)
    actions.fetches.delete(name)
    if (known?.presence === 'present') {
      if (known.active) {
        table.commit({ save: [edited(known, 'start')] })
        return
      }
      const { policy = this.#updatePolicy } = launcher.manifestOf(known).update
      const pending = { version: known.version, policy, sinceMs: this.#clock.monotonic() }
      table.commit({
        save: known.goal === 'removed' ? [unwanted(known)] : [],
        saveApps: [{ ...table.app(known.app), pending }],
      })
      return
    }
    if (known !== undefined && actions.jobs.has(name)) {
      if (known.digest !== job.id.digest) throw anotherContent(job.id, known.digest)
      // The same offer again, by whoever: the one that is under way serves both.
      return
    }
    actions.jobs.set(name, job)
    table.commit({ save: [wantedRecord(job)] })
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
    const fetched = this.#engine.actions.fetches.get(formatInstance(key))?.progress
    const first = this.#watch.require(key)
    const view = {
      doneBytes: first.sizeBytes,
      reusedBytes: fetched?.reusedBytes ?? 0,
      copiedBytes: fetched?.copiedBytes ?? 0,
    }
    if (!wait) {
      yield { phase: 'done', ...view, record: first }
      return
    }
    for await (const { record, ready } of this.#watch.follow(key, signal))
      yield { phase: ready ? 'done' : 'start', ...view, record }
  }

  #timedOut(job: FetchJob, options: WaitOptions): PlaygroundError {
    const record = this.#engine.table.get(job.id)
    if (record?.presence !== 'absent') return this.#watch.late(job.id, options)
    return this.#notArrived(job, formatDuration(options.limitMs ?? options.timeoutMs))
  }

  #notArrived({ id, list, sources, by, localPath }: FetchJob, limit: string): PlaygroundError {
    const name = formatInstance(id)
    const { progress } = this.#engine.actions.fetches.get(name) ?? {}
    if (progress?.phase === 'verify') {
      const text = `${name} was not ready within ${limit}: it is here and being verified`
      return new PlaygroundError('APP_WAIT_TIMEOUT', text, { hint: GOES_ON })
    }
    const share = `${formatBytes(progress?.doneBytes ?? 0)} of ${formatBytes(list.sizeBytes)}`
    // Whoever asks sends it, and does not stay.
    const isCut = localPath === undefined && sources.every((source) => source === by)
    return new PlaygroundError(
      'APP_WAIT_TIMEOUT',
      `${name} had not arrived within ${limit}: ${share}${isCut ? '; the transfer was broken off' : ''}`,
      { hint: isCut ? GOES_ON_AGAIN : GOES_ON },
    )
  }
}
