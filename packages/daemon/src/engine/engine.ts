import { errorMessage, formatInstance, systemCode } from '@p2p-playground/core'
import type { Clock, InstanceKey, Logger } from '@p2p-playground/core'
import { plan } from '@p2p-playground/core/reconcile'
import type { Action } from '@p2p-playground/core/reconcile'
import { Actions } from './actions.js'
import type { ActionDependencies } from './actions.js'
import { Bell } from './bell.js'

/** Before an action that failed for a reason of ours is tried again. */
const RETRY_MS = 5000

/**
 * The loop: looks at what is desired and observed, asks the plan for the difference, and carries it out. Commands only
 * edit the table; everything else follows from here.
 */
export class Engine {
  readonly actions: Actions
  readonly #deps: ActionDependencies
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #busy = new Map<string, Promise<void>>()
  readonly #notBefore = new Map<string, number>()
  readonly #stopping = new AbortController()
  readonly #idle = new Bell()
  #loop: Promise<void> | undefined

  constructor(dependencies: ActionDependencies) {
    this.#deps = dependencies
    this.#clock = dependencies.clock
    this.#logger = dependencies.logger
    this.actions = new Actions(dependencies)
  }

  get table(): ActionDependencies['table'] {
    return this.#deps.table
  }

  get launcher(): ActionDependencies['launcher'] {
    return this.#deps.launcher
  }

  /** Brings disk and state together, takes running apps over, and begins the loop. */
  async start(): Promise<void> {
    if (this.#loop !== undefined) return
    await this.#deps.packages.prepare()
    const { table, packages } = this.#deps
    // Whoever offered these is gone; what arrived of them stays for the next offer.
    const absent = table.list().filter((record) => record.presence === 'absent')
    if (absent.length > 0) table.commit({ remove: absent })
    const swept = await packages.sweep(table.list())
    for (const path of swept) this.#logger.warn('swept', { path })
    await this.#adoptAll()
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
    const nowMs = this.#clock.now()
    return plan({
      instances: this.table.list(),
      busy: (key) => this.busy(key),
      restartPolicy: (key) => {
        const record = this.table.get(key)
        if (record === undefined) throw new Error(`no record of ${formatInstance(key)}`)
        return this.#deps.launcher.manifestOf(record).restart
      },
      nowMs,
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
        waits.push(this.#clock.sleep(Math.max(wakeMs - this.#clock.now(), 1), ends))
      await Promise.race(waits.map((wait) => wait.catch(ignoreAbort(ends))))
      round.abort()
    }
  }

  /** Begins what can begin; gives the time of the next thing that must wait. */
  #beginAll(signal: AbortSignal): number | undefined {
    const now = this.#clock.now()
    let wakeMs: number | undefined
    for (const action of this.#plan()) {
      const notBefore =
        action.kind === 'wait' ? action.atMs : this.#notBefore.get(formatInstance(action.key))
      if (notBefore !== undefined && notBefore > now)
        wakeMs = Math.min(wakeMs ?? notBefore, notBefore)
      else if (action.kind !== 'wait') this.#begin(action, signal)
    }
    this.#idle.ring()
    return wakeMs
  }

  #begin(action: Exclude<Action, { kind: 'wait' }>, signal: AbortSignal): void {
    const name = formatInstance(action.key)
    this.#notBefore.delete(name)
    const work = this.actions
      .apply(action, signal)
      .catch((error: unknown) => {
        if (signal.aborted) return
        this.#notBefore.set(name, this.#clock.now() + RETRY_MS)
        this.actions.reportFailure(action, error)
      })
      .finally(() => {
        this.#busy.delete(name)
        this.table.changed.ring()
      })
    this.#busy.set(name, work)
  }

  async #adoptAll(): Promise<void> {
    const { table, launcher, logs, supervisor } = this.#deps
    for (const record of table.list()) {
      const { handle } = record
      if (handle === null) {
        if (record.state === 'starting') table.update(record, { state: 'staged', runGeneration: 0 })
        continue
      }
      try {
        const runtime = launcher.runtimeOf(record)
        const manifest = launcher.manifestOf(record)
        const secrets = manifest.secrets.flatMap((name) => manifest.env[name] ?? [])
        await logs.open(record, { secrets })
        const adopted = await runtime.adopt(handle)
        this.#logger.info(adopted ? 'adopted' : 'ended-meanwhile', {
          instance: formatInstance(record),
          pid: handle.pid,
        })
        supervisor.watch(record, handle)
      } catch (error) {
        this.#logger.error('adopt-failed', {
          instance: formatInstance(record),
          error: errorMessage(error),
          code: systemCode(error),
        })
      }
    }
  }
}

function ignoreAbort(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error
  }
}
