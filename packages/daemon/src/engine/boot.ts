import { errorMessage, formatInstance } from '@p2p-playground/core'
import type {
  AppRecord,
  Clock,
  InstanceRecord,
  Logger,
  NewEvent,
  StateStore,
} from '@p2p-playground/core'
import type { Fetcher } from './fetcher.js'
import type { HookRunner } from './hook-runner.js'
import { instanceEvent } from './instance-event.js'
import type { InstanceTable } from './instance-table.js'
import type { Launcher } from './launcher.js'
import type { PackageStore } from './package-store.js'
import type { Preflight } from './preflight.js'
import type { Supervisor } from './supervisor.js'

export interface BootDependencies {
  readonly table: InstanceTable
  readonly store: StateStore
  readonly packages: PackageStore
  readonly fetcher: Fetcher
  readonly launcher: Launcher
  readonly preflight: Preflight
  readonly hooks: HookRunner
  readonly supervisor: Supervisor
  readonly clock: Clock
  readonly logger: Logger
  /** Of the machine, as it runs now. */
  readonly bootId: string
}

/** Brings disk, state and processes together when a daemon starts, and takes over what runs. */
export async function boot(deps: BootDependencies, signal: AbortSignal): Promise<void> {
  const { table, packages, logger } = deps
  await packages.prepare()
  tellQuarantined(deps)
  if (deps.store.bootId() !== deps.bootId) forgetLastBoot(deps)
  beginTrialsAnew(deps)
  // Whoever offered these is gone; what arrived of them stays a while for the next offer.
  const absent = table.list().filter((record) => record.presence === 'absent')
  if (absent.length > 0) table.commit({ remove: absent })
  const spared = deps.store.quarantined.map(({ key }) => key)
  const swept = await packages.sweep(table.list(), spared)
  swept.push(...(await packages.sweepTransfers(deps.clock, () => false)))
  for (const path of swept) logger.warn('swept', { path })
  for (const record of table.list()) {
    // What is on its way out may be half gone already.
    if (record.goal !== 'removed') await repair(record, deps, signal)
    await takeOver(record, deps)
  }
  await Promise.all(table.list().map(async (record) => deps.preflight.look(record)))
}

function tellQuarantined({ store, table, clock }: BootDependencies): void {
  for (const { key, why } of store.quarantined) {
    const message = `the state of ${formatInstance(key)} could not be read and was set aside: ${why}`
    table.record(instanceEvent(clock, 'repaired', key, { message, code: 'STATE_CORRUPT' }))
  }
}

/** The machine has started anew: its clock began at nothing, and every run of before is over. */
function forgetLastBoot({ table, store, clock, launcher, bootId }: BootDependencies): void {
  const nowMs = clock.monotonic()
  const save = table.list().map((record): InstanceRecord => {
    const known = {
      ...record,
      hook: null,
      startsMs: [],
      wellSinceMs: null,
      ended: record.ended && { ...record.ended, atMs: nowMs },
    }
    const ran = record.handle !== null && record.goal === 'running'
    if (!ran || launcher.manifestOf(record).restart.policy === 'never') return known
    // As after a command: at once, and with all its starts.
    return { ...known, handle: null, runGeneration: 0, ended: null, state: 'staged', healthy: null }
  })
  const saveApps = [...table.apps.values()].map((app) => ({
    ...app,
    pending: app.pending && { ...app.pending, sinceMs: nowMs },
    trial: app.trial && { ...app.trial, beganMs: null, provedMs: null },
  }))
  table.commit({ save, saveApps })
  store.setBootId(bootId)
}

/** Nobody watched meanwhile: a version on trial gets all of its time again. */
function beginTrialsAnew({ table, clock }: BootDependencies): void {
  const nowMs = clock.monotonic()
  const saveApps: AppRecord[] = []
  const save: InstanceRecord[] = []
  for (const app of table.apps.values()) {
    if (app.trial === null || app.trial.beganMs === null) continue
    saveApps.push({ ...app, trial: { ...app.trial, beganMs: nowMs, provedMs: null } })
    const record = table.get({ app: app.app, version: app.trial.version })
    if (record !== undefined && record.wellSinceMs !== null)
      save.push({ ...record, wellSinceMs: nowMs })
  }
  if (saveApps.length > 0) table.commit({ save, saveApps })
}

/** Files that are gone or changed come again from the package; when that is damaged too, the version is set aside. */
async function repair(
  record: InstanceRecord,
  deps: BootDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { table, packages, clock, logger } = deps
  const damage = await packages.damageOf(record)
  if (damage === undefined) return
  const name = formatInstance(record)
  const say = (message: string): NewEvent =>
    instanceEvent(clock, 'repaired', record, { message, code: 'STATE_CORRUPT' })
  try {
    await packages.replaceFiles(record, await deps.fetcher.unpackAgain(record, signal))
    table.record(say(`${name} was damaged (${damage}) and is whole again, from its package`))
  } catch (error) {
    signal.throwIfAborted()
    const why = `${damage}; its package does not help: ${errorMessage(error)}`
    logger.error('damaged', { instance: name, why })
    if (record.handle !== null) {
      table.record(say(`${name} is damaged and runs on: ${why}`))
      return
    }
    const path = await packages.setAside(record)
    const message = `${name} is damaged and was moved to ${path}: ${why}. Deploy it again`
    table.commit({ remove: [record], events: [say(message)] })
  }
}

/** Where nothing runs and nothing is under way. */
const RESTING_STATES = { running: 'staged', stopped: 'stopped', removed: 'removing' } as const

async function takeOver({ app, version }: InstanceRecord, deps: BootDependencies): Promise<void> {
  const { table, launcher, supervisor, hooks, logger } = deps
  const record = table.get({ app, version })
  if (record === undefined) return
  const instance = formatInstance(record)
  try {
    await hooks.endLeftOver(record)
    const { handle } = record
    if (handle === null) {
      // The daemon ended in the middle of a start that spawned nothing: it does not count.
      if (record.state === 'starting')
        table.update(record, {
          state: RESTING_STATES[record.goal],
          startsMs: record.startsMs.slice(0, -1),
        })
      return
    }
    await launcher.openLog(record)
    const adopted = await launcher.runtimeOf(record).adopt(handle)
    logger.info(adopted ? 'adopted' : 'ended-meanwhile', { instance, pid: handle.pid })
    seeAgain(record, deps)
    supervisor.watch(record, handle)
  } catch (error) {
    logger.error('adopt-failed', { instance, error: errorMessage(error) })
    supervisor.lose(record, error)
  }
}

/** What was not watched by the last daemon, or could not be checked, is as good as started anew. */
function seeAgain(record: InstanceRecord, { table, launcher, clock }: BootDependencies): void {
  if (record.state !== 'running' || record.reason === '') return
  const wellSinceMs = launcher.hasHealthCheck(record) ? null : clock.monotonic()
  table.update(record, { reason: '', wellSinceMs })
}
