import { asPlaygroundError, formatInstance } from '@p2p-playground/core'
import type { Clock, InstanceRecord, NewEvent, RunHandle } from '@p2p-playground/core'
import { isDiskFull } from './disk-full.js'
import type { OnFailpoint } from './failpoint.js'
import type { HookRunner } from './hook-runner.js'
import type { InstanceTable } from './instance-table.js'
import { instanceEvent } from './instance-event.js'
import type { Launcher } from './launcher.js'
import { isSocketShortage } from './ports.js'
import type { PortBook } from './ports.js'
import type { Supervisor } from './supervisor.js'

/** How long an app has between SIGTERM and SIGKILL. */
const STOP_GRACE_MS = 10_000
const MAX_STARTS_KEPT = 100

export interface RunsDependencies {
  readonly table: InstanceTable
  readonly launcher: Launcher
  readonly supervisor: Supervisor
  readonly hooks: HookRunner
  readonly ports: PortBook
  readonly clock: Clock
  readonly failpoint: OnFailpoint
  /** What the runtime of an instance does not enforce, or empty. */
  readonly limitsOf: (record: InstanceRecord) => string
}

/** Starts and ends runs of instances. Each step can be repeated after a crash. */
export class Runs {
  readonly #deps: RunsDependencies

  constructor(dependencies: RunsDependencies) {
    this.#deps = dependencies
  }

  async start(record: InstanceRecord, signal: AbortSignal): Promise<void> {
    const { ports, launcher, clock } = this.#deps
    try {
      const chosen = await ports.choose(record, launcher.manifestOf(record).ports, signal)
      try {
        this.#intend(record, chosen.ports)
      } finally {
        chosen.done()
      }
      this.#deps.failpoint('start-intended')
      const hook = await this.#deps.hooks.run(this.#now(record), 'pre-start', signal)
      this.#deps.failpoint('start-hook-ended')
      if (hook?.failure !== undefined) {
        const ended = { exit: hook.exit, atMs: clock.monotonic(), unhealthy: false }
        const about = { asked: false, lines: [], cause: hook.failure }
        this.#deps.supervisor.commitEnd(this.#now(record), ended, about)
        return
      }
      await this.#spawn(this.#now(record), signal)
    } catch (error) {
      // Neither the engine's end nor a want of the machine is the app's fault: the plan asks for the start again.
      if (signal.aborted || isDiskFull(error) || isSocketShortage(error)) throw error
      await this.#endPlaced(record)
      this.#failToStart(record, error)
    }
  }

  /** `unhealthy`: to be started again under the restart policy. */
  async stop(record: InstanceRecord, unhealthy: boolean): Promise<void> {
    const { table, launcher, supervisor, failpoint } = this.#deps
    if (record.handle === null) return
    table.update(record, { state: 'stopping', stopsUnhealthy: unhealthy })
    supervisor.stopProbing(record)
    failpoint('stop-intended')
    const exit = await launcher.runtimeOf(record).stop(record.handle, STOP_GRACE_MS)
    failpoint('stop-ended')
    await supervisor.recordEnd(record, record.handle, exit)
    failpoint('stop-committed')
  }

  async postStop(record: InstanceRecord, signal: AbortSignal): Promise<void> {
    await this.#deps.hooks.run(record, 'post-stop', signal)
    this.#deps.failpoint('post-stop-ended')
    this.#deps.table.update(record, { postStopDue: false })
  }

  /** On disk before anything happens: which run this is, and that it counts. */
  #intend(record: InstanceRecord, ports: Readonly<Record<string, number>>): void {
    const { table, clock } = this.#deps
    const nowMs = clock.monotonic()
    const isFresh = record.runGeneration < record.generation
    const app = table.app(record.app)
    const trial = app.trial?.version === record.version ? app.trial : null
    table.commit({
      save: [
        {
          ...this.#now(record),
          ports,
          state: 'starting',
          reason: '',
          runGeneration: record.generation,
          startsMs: isFresh ? [nowMs] : [...record.startsMs, nowMs].slice(-MAX_STARTS_KEPT),
          lastFailure: isFresh ? '' : record.lastFailure,
          ended: null,
          healthy: null,
          wellSinceMs: null,
        },
      ],
      saveApps: trial?.beganMs === null ? [{ ...app, trial: { ...trial, beganMs: nowMs } }] : [],
    })
  }

  async #spawn(record: InstanceRecord, signal: AbortSignal): Promise<void> {
    const { table, launcher, clock, supervisor, failpoint } = this.#deps
    const spec = await launcher.prepare(record)
    // On disk before its first instruction, so that no program runs that nobody knows of.
    const placed = (handle: RunHandle): void => {
      failpoint('start-placed')
      table.update(
        record,
        {
          handle,
          state: 'running',
          startedAtMs: clock.now(),
          wellSinceMs: launcher.hasHealthCheck(record) ? null : clock.monotonic(),
        },
        instanceEvent(clock, 'started', record, {
          message: `${formatInstance(record)} runs as ${String(handle.pid)}`,
        }),
        ...this.#unenforced(record),
      )
      failpoint('start-committed')
    }
    const handle = await launcher.runtimeOf(record).start(spec, placed, signal)
    supervisor.watch(this.#now(record), handle)
  }

  #unenforced(record: InstanceRecord): NewEvent[] {
    const missing = this.#deps.limitsOf(record)
    const message = `${formatInstance(record)}: ${missing}`
    return missing === '' ? [] : [instanceEvent(this.#deps.clock, 'limits', record, { message })]
  }

  /** Its process was there before it failed: nobody watches it, and nothing of it is to stay. */
  async #endPlaced(record: InstanceRecord): Promise<void> {
    const { handle } = this.#now(record)
    if (handle !== null) await this.#deps.launcher.runtimeOf(this.#now(record)).stop(handle, 0)
  }

  #failToStart(record: InstanceRecord, error: unknown): void {
    const { table, clock } = this.#deps
    const { code, message } = asPlaygroundError(error, 'APP_START')
    table.update(
      record,
      {
        state: 'failed',
        handle: null,
        wellSinceMs: null,
        reason: message,
        lastFailure: message,
        runGeneration: record.generation,
        ended: {
          exit: { kind: 'unknown', why: message },
          atMs: clock.monotonic(),
          unhealthy: false,
        },
      },
      instanceEvent(clock, 'exited', record, {
        message: `${formatInstance(record)} did not start: ${message}`,
        code,
      }),
    )
  }

  /** The record as it is now: commands may have changed what is wanted meanwhile. */
  #now(record: InstanceRecord): InstanceRecord {
    return this.#deps.table.get(record) ?? record
  }
}
