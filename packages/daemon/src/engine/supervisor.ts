import { errorMessage, formatInstance, ignoreAbort } from '@p2p-playground/core'
import type {
  Clock,
  ExitStatus,
  HealthResult,
  InstanceKey,
  InstanceRecord,
  FailureBundle,
  Logger,
  RunEnd,
  RunHandle,
} from '@p2p-playground/core'
import type { InstanceTable } from './instance-table.js'
import type { Launcher } from './launcher.js'
import type { LogStore } from '../logs/log-store.js'
import { probe } from './prober.js'
import { afterEnd, endEvent, failureOf } from './run-end.js'

/** Lines of a run that failed that are kept. */
const KEPT_LINES = 200
/** Before what cannot be written down, for want of space, is tried again. */
const RETRY_MS = 1000

/** One run that is watched. */
interface Watch {
  readonly stop: AbortController
  /** Ends before the run when that is being stopped: how an app is while it drains says nothing. */
  readonly probes: AbortController
  /** Of the last check, also while it does not count yet. */
  health: HealthResult | null
}

/** Watches running instances: how they end, and whether they are healthy. */
export class Supervisor {
  readonly #table: InstanceTable
  readonly #launcher: Launcher
  readonly #logs: LogStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #watches = new Map<string, Watch>()

  constructor(options: {
    readonly table: InstanceTable
    readonly launcher: Launcher
    readonly logs: LogStore
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#table = options.table
    this.#launcher = options.launcher
    this.#logs = options.logs
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /** Watches the run that the record's handle names until it ends or `unwatchAll` is called. */
  watch(record: InstanceRecord, handle: RunHandle): void {
    const name = formatInstance(record)
    this.#watches.get(name)?.stop.abort()
    const watch = { stop: new AbortController(), probes: new AbortController(), health: null }
    this.#watches.set(name, watch)
    void this.#awaitEnd(record, handle, watch.stop.signal)
    void this.#probe(record, handle, watch)
  }

  /** The run is about to be stopped: only its end is waited for. */
  stopProbing(key: InstanceKey): void {
    this.#watches.get(formatInstance(key))?.probes.abort()
  }

  /** Lets go of all instances; they go on running. */
  unwatchAll(): void {
    for (const watch of this.#watches.values()) watch.stop.abort()
    this.#watches.clear()
  }

  /** Writes down how a run ended, once, whoever sees it first. @throws STATE_DISK, and nothing is written down */
  async recordEnd(key: InstanceKey, handle: RunHandle, exit: ExitStatus): Promise<void> {
    if (!this.#isRunning(key, handle)) return
    await this.#logs.finish(key)
    const lines = (await this.#logs.tailOf(key, KEPT_LINES)).map(({ stream, line }) => ({
      stream,
      line,
    }))
    const record = this.#table.get(key)
    if (record === undefined || !this.#isRunning(key, handle)) return
    const asked = record.goal !== 'running' || record.runGeneration < record.generation
    const unhealthy = !asked && record.stopsUnhealthy
    this.commitEnd(record, { exit, atMs: this.#clock.monotonic(), unhealthy }, { asked, lines })
    this.#watches.get(formatInstance(key))?.stop.abort()
    this.#watches.delete(formatInstance(key))
  }

  /** The end of a run, or of a start that came to nothing, in one transaction with what is kept of a failure. */
  commitEnd(
    record: InstanceRecord,
    ended: RunEnd,
    about: {
      readonly asked: boolean
      readonly lines: FailureBundle['lines']
      /** Why it ended, where its exit status does not say it all. */
      readonly cause?: string
    },
  ): void {
    const { asked, lines, cause } = about
    const { restart } = this.#launcher.manifestOf(record)
    const end = { record, ended, asked, restart, cause }
    const atMs = this.#clock.now()
    const health = this.#watches.get(formatInstance(record))?.health ?? null
    this.#table.commit({
      save: [
        {
          ...record,
          handle: null,
          healthy: null,
          wellSinceMs: null,
          stopsUnhealthy: false,
          ended,
          postStopDue: this.#launcher.hookOf(record, 'post-stop') !== undefined,
          ...afterEnd(end),
        },
      ],
      failure: failureOf(end, { atMs, health, lines }),
      events: [endEvent(end, atMs)],
    })
  }

  #isRunning(key: InstanceKey, handle: RunHandle): boolean {
    const known = this.#table.get(key)?.handle
    return known?.pid === handle.pid && known.startTicks === handle.startTicks
  }

  async #awaitEnd(record: InstanceRecord, handle: RunHandle, signal: AbortSignal): Promise<void> {
    const exit = await this.#exitOf(record, handle, signal)
    while (!signal.aborted) {
      try {
        await this.recordEnd(record, handle, exit)
        return
      } catch (error) {
        this.#logger.error('end-not-recorded', {
          instance: formatInstance(record),
          error: errorMessage(error),
        })
        await this.#clock.sleep(RETRY_MS, signal).catch(ignoreAbort(signal))
      }
    }
  }

  async #exitOf(
    record: InstanceRecord,
    handle: RunHandle,
    signal: AbortSignal,
  ): Promise<ExitStatus> {
    try {
      return await this.#launcher.runtimeOf({ ...record, handle }).wait(handle, signal)
    } catch (error) {
      if (!signal.aborted) {
        this.#logger.error('wait-failed', {
          instance: formatInstance(record),
          error: errorMessage(error),
        })
      }
      return { kind: 'unknown', why: errorMessage(error) }
    }
  }

  async #probe(record: InstanceRecord, handle: RunHandle, watch: Watch): Promise<void> {
    const signal = AbortSignal.any([watch.stop.signal, watch.probes.signal])
    const report = (healthy: boolean, detail: string): boolean =>
      signal.aborted || this.#reportHealth(record, healthy, detail)
    const observe = (result: HealthResult): void => {
      watch.health = result
    }
    try {
      const health = await this.#launcher.healthOf({ ...record, handle }, handle.pid)
      if (health !== undefined)
        await probe({ ...health, clock: this.#clock, report, observe }, signal)
    } catch (error) {
      report(false, errorMessage(error))
    }
  }

  /** False when it could not be written down. */
  #reportHealth(key: InstanceKey, healthy: boolean, detail: string): boolean {
    try {
      this.#table.update(
        key,
        {
          healthy,
          wellSinceMs: healthy ? this.#clock.monotonic() : null,
          state: healthy ? 'healthy' : 'unhealthy',
          reason: healthy ? '' : detail,
          ...(healthy ? {} : { lastFailure: `unhealthy: ${detail}` }),
        },
        {
          timeMs: this.#clock.now(),
          type: 'health',
          app: key.app,
          version: key.version,
          message: `${formatInstance(key)} is ${healthy ? 'healthy' : `unhealthy: ${detail}`}`,
          code: healthy ? null : 'APP_UNHEALTHY',
          by: null,
        },
      )
      return true
    } catch (error) {
      this.#logger.error('health-not-recorded', {
        instance: formatInstance(key),
        error: errorMessage(error),
      })
      return false
    }
  }
}
