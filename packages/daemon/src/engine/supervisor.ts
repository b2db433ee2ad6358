import { asPlaygroundError, errorMessage, formatInstance, ignoreAbort } from '@p2p-playground/core'
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
import { instanceEvent } from './instance-event.js'
import type { InstanceTable } from './instance-table.js'
import type { Launcher } from './launcher.js'
import type { LogStore } from '../logs/log-store.js'
import { probe } from './prober.js'
import { afterEnd, endEvent, failureOf } from './run-end.js'

/** Lines of a run that failed that are kept. */
const KEPT_LINES = 200
/** Before what cannot be written down, for want of space, is tried again. */
const RETRY_MS = 1000
/** Before a health check that could not be made is asked for again. */
const NEXT_CHECKER_MS = 60_000

/** One run that is watched. */
interface Watch {
  readonly stop: AbortController
  /** Ends before the run when that is being stopped: how an app is while it drains says nothing. */
  readonly probes: AbortController
  /** Of the last check, also while it does not count yet. */
  health: HealthResult | null
  /** What would tell how it is does not work here. */
  isUnknown: boolean
}

/** Watches running instances: how they end, and whether they are healthy. */
export class Supervisor {
  readonly #table: InstanceTable
  readonly #launcher: Launcher
  readonly #logs: LogStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #watches = new Map<string, Watch>()
  /** Runs that this daemon could not take over. */
  readonly #lost = new Set<string>()

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
    const watch: Watch = {
      stop: new AbortController(),
      probes: new AbortController(),
      health: null,
      isUnknown: false,
    }
    this.#watches.set(name, watch)
    this.#lost.delete(name)
    void this.#awaitEnd(record, handle, watch.stop.signal)
    void this.#probe(record, handle, watch)
  }

  /** A run that cannot be taken over goes on, and nobody knows how it does or when it ends, until a later daemon watches it. */
  lose(record: InstanceRecord, error: unknown): void {
    this.#lost.add(formatInstance(record))
    this.#reportUnknown(record, `nobody watches it: ${errorMessage(error)}`, error)
  }

  isLost(key: InstanceKey): boolean {
    return this.#lost.has(formatInstance(key))
  }

  /** False while nobody can tell how its run does. */
  canJudge(key: InstanceKey): boolean {
    return !this.isLost(key) && this.#watches.get(formatInstance(key))?.isUnknown !== true
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
    this.#lost.delete(formatInstance(key))
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
      const health = await this.#healthOf({ ...record, handle }, watch, signal)
      if (health !== undefined)
        await probe({ ...health, clock: this.#clock, report, observe }, signal)
    } catch (error) {
      if (!signal.aborted) report(false, errorMessage(error))
    }
  }

  /**
   * How to check it, as soon as that can be known: a plugin that is gone or does not take the manifest says nothing of the
   * app, which goes on meanwhile.
   */
  async #healthOf(
    record: InstanceRecord & { readonly handle: RunHandle },
    watch: Watch,
    signal: AbortSignal,
  ): ReturnType<Launcher['healthOf']> {
    for (;;) {
      try {
        const health = await this.#launcher.healthOf(record, record.handle.pid)
        watch.isUnknown = false
        return health
      } catch (error) {
        signal.throwIfAborted()
        if (!watch.isUnknown)
          this.#reportUnknown(record, `its health is unknown: ${errorMessage(error)}`, error)
        watch.isUnknown = true
      }
      await this.#clock.sleep(NEXT_CHECKER_MS, signal)
    }
  }

  #reportUnknown(key: InstanceKey, reason: string, error: unknown): void {
    const name = formatInstance(key)
    const { code } = asPlaygroundError(error)
    const message = `${name} runs on, and ${reason}`
    const state = this.#table.get(key)?.state === 'stopping' ? 'stopping' : 'running'
    try {
      this.#table.update(
        key,
        { state, reason, healthy: null, wellSinceMs: null },
        instanceEvent(this.#clock, 'health', key, { message, code }),
      )
    } catch (worse) {
      this.#logger.error('health-not-recorded', { instance: name, error: errorMessage(worse) })
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
