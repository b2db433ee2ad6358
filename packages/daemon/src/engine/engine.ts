import { formatInstance, ignoreAbort } from '@p2p-playground/core'
import type { Clock, InstanceKey, InstanceRecord } from '@p2p-playground/core'
import { isEdit, plan } from '@p2p-playground/core/reconcile'
import type { Action, InstanceAction } from '@p2p-playground/core/reconcile'
import type { Actions } from './actions.js'
import type { AppEdits } from './app-edits.js'
import { Bell } from './bell.js'
import { boot } from './boot.js'
import type { BootDependencies } from './boot.js'
import { releaseMemorySoon } from '../release-memory.js'

/** Before an action that failed for a reason of ours is tried again. */
const RETRY_MS = 5000

export interface EngineDependencies extends BootDependencies {
  readonly actions: Actions
  readonly edits: AppEdits
  /** Versions of an app that are kept. */
  readonly keepVersions: number
  /** What the runtime of an instance does not enforce, or empty. */
  readonly limitsOf: (record: InstanceRecord) => string
}

/**
 * The loop: looks at what is desired and observed, asks the plan for the difference, and carries it out. Commands only
 * edit the table; everything else follows from here.
 */
export class Engine {
  readonly #deps: EngineDependencies
  readonly #clock: Clock
  readonly #busy = new Map<string, Promise<void>>()
  /** Boot clock. */
  readonly #notBefore = new Map<string, number>()
  readonly #stopping = new AbortController()
  readonly #idle = new Bell()
  #loop: Promise<void> | undefined

  constructor(dependencies: EngineDependencies) {
    this.#deps = dependencies
    this.#clock = dependencies.clock
  }

  get actions(): Actions {
    return this.#deps.actions
  }

  get table(): EngineDependencies['table'] {
    return this.#deps.table
  }

  get launcher(): EngineDependencies['launcher'] {
    return this.#deps.launcher
  }

  get preflight(): EngineDependencies['preflight'] {
    return this.#deps.preflight
  }

  get limitsOf(): EngineDependencies['limitsOf'] {
    return this.#deps.limitsOf
  }

  /** It runs, and this daemon could not take it over. */
  isLost(key: InstanceKey): boolean {
    return this.#deps.supervisor.isLost(key)
  }

  /** Brings disk and state together, takes running apps over, and begins the loop. */
  async start(): Promise<void> {
    if (this.#loop !== undefined) return
    await boot(this.#deps, this.#stopping.signal)
    this.#loop = this.#run(this.#stopping.signal)
  }

  /** Ends the loop. Apps go on running. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#deps.supervisor.unwatchAll()
    await this.#loop
    await Promise.all(this.#busy.values())
  }

  /** True while an action on the instance is under way. */
  busy(key: InstanceKey): boolean {
    return this.#busy.has(formatInstance(key))
  }

  /** Resolves when nothing is under way or left to do for these instances. */
  async settled(keys: readonly InstanceKey[], signal: AbortSignal): Promise<void> {
    const names = new Set(keys.map(formatInstance))
    const pending = (): boolean =>
      [...names].some((name) => this.#busy.has(name)) ||
      this.#plan().some((action) => action.kind !== 'wait' && names.has(formatInstance(action.key)))
    for (;;) {
      const seen = this.#idle.count
      if (!pending()) return
      await this.#idle.after(seen, signal)
    }
  }

  #plan(): Action[] {
    return plan({
      instances: this.table.list(),
      apps: this.table.apps,
      busy: (key) => this.busy(key),
      policies: (record) => this.#deps.launcher.policiesOf(record),
      canRun: (record) => this.preflight.problemOf(record) === undefined,
      canJudge: (record) => this.#deps.supervisor.canJudge(record),
      keepVersions: this.#deps.keepVersions,
      nowMs: this.#clock.monotonic(),
    })
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const seen = this.table.changed.count
      const wakeMs = this.#beginAll(signal)
      const round = new AbortController()
      const ends = AbortSignal.any([signal, round.signal])
      const waits = [this.table.changed.after(seen, ends)]
      if (wakeMs !== undefined)
        waits.push(this.#clock.sleep(Math.max(wakeMs - this.#clock.monotonic(), 1), ends))
      await Promise.race(waits.map((wait) => wait.catch(ignoreAbort(ends))))
      round.abort()
    }
  }

  /** Begins what can begin; gives the time of the next thing that must wait. */
  #beginAll(signal: AbortSignal): number | undefined {
    const now = this.#clock.monotonic()
    let wakeMs: number | undefined
    for (const action of this.#plan()) {
      const notBefore =
        action.kind === 'wait' ? action.atMs : this.#notBefore.get(formatInstance(action.key))
      if (notBefore !== undefined && notBefore > now)
        wakeMs = Math.min(wakeMs ?? notBefore, notBefore)
      else if (isEdit(action)) this.#edit(action)
      else if (action.kind !== 'wait') this.#begin(action, signal)
    }
    this.#idle.ring()
    return wakeMs
  }

  #edit(action: Parameters<AppEdits['apply']>[0]): void {
    const name = formatInstance(action.key)
    this.#notBefore.delete(name)
    try {
      this.#deps.edits.apply(action)
    } catch (error) {
      this.#retryLater(action, error)
    }
  }

  #begin(action: InstanceAction, signal: AbortSignal): void {
    const name = formatInstance(action.key)
    this.#notBefore.delete(name)
    const work = this.actions
      .apply(action, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#retryLater(action, error)
      })
      .finally(() => {
        this.#busy.delete(name)
        releaseMemorySoon()
        this.table.changed.ring()
      })
    this.#busy.set(name, work)
  }

  #retryLater(action: Exclude<Action, { kind: 'wait' }>, error: unknown): void {
    this.#notBefore.set(formatInstance(action.key), this.#clock.monotonic() + RETRY_MS)
    this.actions.reportFailure(action, error)
    this.table.changed.ring()
  }
}
