import { errorMessage, formatExit, formatInstance } from '@p2p-playground/core'
import type {
  Clock,
  ExitStatus,
  InstanceKey,
  InstanceRecord,
  Logger,
  RunHandle,
} from '@p2p-playground/core'
import { decideRestart } from '@p2p-playground/core/reconcile'
import type { InstanceTable } from './instance-table.js'
import type { Launcher } from './launcher.js'
import type { LogStore } from '../logs/log-store.js'
import { probe } from './prober.js'

/** Watches running instances: how they end, and whether they are healthy. */
export class Supervisor {
  readonly #table: InstanceTable
  readonly #launcher: Launcher
  readonly #logs: LogStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #watches = new Map<string, AbortController>()

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
    this.#watches.get(name)?.abort()
    const watch = new AbortController()
    this.#watches.set(name, watch)
    void this.#awaitEnd(record, handle, watch)
    void this.#probe(record, handle, watch.signal)
  }

  /** Lets go of all instances; they go on running. */
  unwatchAll(): void {
    for (const watch of this.#watches.values()) watch.abort()
    this.#watches.clear()
  }

  /** Writes down how a run ended, once, whoever sees it first. */
  async recordEnd(key: InstanceKey, handle: RunHandle, exit: ExitStatus): Promise<void> {
    const record = this.#table.get(key)
    if (record?.handle?.pid !== handle.pid || record.handle.startTicks !== handle.startTicks) return
    this.#watches.get(formatInstance(key))?.abort()
    this.#watches.delete(formatInstance(key))
    await this.#logs.finish(key)
    const still = this.#table.get(key)?.handle
    if (still?.pid !== handle.pid || still.startTicks !== handle.startTicks) return
    const atMs = this.#clock.now()
    const ended = { exit, atMs }
    const asked = record.goal !== 'running' || record.runGeneration < record.generation
    const after = asked ? { state: 'stopped' as const, reason: '' } : this.#afterExit(record, ended)
    this.#table.update(
      key,
      { handle: null, healthy: null, ended, ...after },
      {
        timeMs: atMs,
        type: asked ? 'stopped' : 'exited',
        app: key.app,
        version: key.version,
        message: `${formatInstance(key)} ended: ${formatExit(exit)}`,
        code: null,
        by: null,
      },
    )
  }

  #afterExit(
    record: InstanceRecord,
    ended: { readonly exit: ExitStatus; readonly atMs: number },
  ): Pick<InstanceRecord, 'state' | 'reason'> {
    const reason = formatExit(ended.exit)
    const decision = decideRestart(
      this.#launcher.manifestOf(record).restart,
      record.startsMs,
      ended,
    )
    switch (decision.kind) {
      case 'restart':
        return { state: 'backoff', reason }
      case 'give-up':
        return { state: 'failed', reason: `${reason}; ${decision.reason}` }
      case 'done':
        return ended.exit.kind === 'exited' && ended.exit.code === 0
          ? { state: 'stopped', reason }
          : { state: 'failed', reason }
      default:
        return decision satisfies never
    }
  }

  async #awaitEnd(
    record: InstanceRecord,
    handle: RunHandle,
    watch: AbortController,
  ): Promise<void> {
    try {
      const exit = await this.#launcher.runtimeOf({ ...record, handle }).wait(handle, watch.signal)
      await this.recordEnd(record, handle, exit)
    } catch (error) {
      if (watch.signal.aborted) return
      this.#logger.error('wait-failed', {
        instance: formatInstance(record),
        error: errorMessage(error),
      })
      await this.recordEnd(record, handle, { kind: 'unknown', why: errorMessage(error) })
    }
  }

  async #probe(record: InstanceRecord, handle: RunHandle, signal: AbortSignal): Promise<void> {
    const report = (healthy: boolean, detail: string): void => {
      if (!signal.aborted) this.#reportHealth(record, healthy, detail)
    }
    try {
      const health = await this.#launcher.healthOf({ ...record, handle }, handle.pid)
      if (health !== undefined) await probe({ ...health, clock: this.#clock, report }, signal)
    } catch (error) {
      report(false, errorMessage(error))
    }
  }

  #reportHealth(key: InstanceKey, healthy: boolean, detail: string): void {
    this.#table.update(
      key,
      { healthy, state: healthy ? 'healthy' : 'unhealthy', reason: healthy ? '' : detail },
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
  }
}
