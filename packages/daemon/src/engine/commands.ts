import { APP_NAME, PlaygroundError, asPlaygroundError, formatInstance } from '@p2p-playground/core'
import type {
  AppAction,
  AppRecord,
  Clock,
  InstanceKey,
  InstanceRecord,
  NewEvent,
  StateChange,
} from '@p2p-playground/core'
import {
  BUILT_IN_TAGS,
  activate,
  unneeded,
  unwanted,
  wantedAnew,
} from '@p2p-playground/core/reconcile'
import type { Engine } from './engine.js'
import { newestOf, noSuchApp, noSuchTag, requireVersion, rollbackDefault } from './find-version.js'
import { instanceEvent } from './instance-event.js'
import { StartWatch } from './start-watch.js'
import type { WaitOptions } from './start-watch.js'
import { TimeLimit } from './time-limit.js'

/** Who asks; whether it may was found out before. */
export interface Asker {
  readonly peerId: string
}

/** What is asked of one app on this node. */
export interface AppOrder {
  readonly action: AppAction
  readonly app: string
  /** A version or a tag. */
  readonly version: string | undefined
  readonly tag?: string | undefined
  readonly secure?: boolean | undefined
  /** Missing: until the engine has done it, without limit. */
  readonly waiting?: WaitOptions | undefined
}

/** What has something run afterwards. */
const STARTING: ReadonlySet<AppAction> = new Set(['start', 'restart', 'upgrade', 'rollback'])

const TAG = /^[a-z][a-z0-9-]{0,30}$/

/** What an order comes to. */
interface Edit {
  readonly change: StateChange
  /** The versions that it is about. */
  readonly targets: readonly InstanceRecord[]
  /** All that the app has here. */
  readonly versions: readonly InstanceRecord[]
}

/** What people and controllers ask of apps. Each command edits desired state and then watches the engine get there. */
export class Commands {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #watch: StartWatch

  constructor(options: { readonly engine: Engine; readonly clock: Clock }) {
    this.#engine = options.engine
    this.#clock = options.clock
    this.#watch = new StartWatch(options)
  }

  /**
   * Changes what is wanted; resolves when the engine has done it, or with `wait` when what it starts is ready. Gives the
   * versions that it was about, or, where they are removed, the one that is active in their place.
   * @throws APP_NOT_FOUND, USAGE; as `checkRunnable`, and nothing is changed; APP_START, APP_UNHEALTHY, APP_ROLLED_BACK,
   * APP_WAIT_TIMEOUT
   */
  async change(order: AppOrder, asker: Asker, signal: AbortSignal): Promise<InstanceRecord[]> {
    const { waiting } = order
    const { change, targets, versions } = await this.#runnableEdit(order, asker)
    const limit = new TimeLimit(waiting?.timeoutMs, this.#clock, signal)
    try {
      this.#engine.table.commit(change)
      const replaced = versions.filter((one) => one.active)
      await this.#engine.settled([...targets, ...replaced], limit.signal)
      if (waiting?.wait === true && STARTING.has(order.action))
        for (const target of targets) await this.#started(target, limit.signal)
    } catch (error) {
      const [target] = targets
      if (!limit.isOver || waiting === undefined || target === undefined) throw error
      throw this.#watch.late(target, waiting)
    } finally {
      limit.lift()
    }
    if (order.action === 'remove') return [...this.#outcome(targets), ...this.#successors(versions)]
    return this.#outcome(targets)
  }

  /** What has become active since. */
  #successors(before: readonly InstanceRecord[]): InstanceRecord[] {
    const was = new Set(before.filter((one) => one.active).map((one) => one.version))
    const [app] = before.map((one) => one.app)
    if (app === undefined || was.size === 0) return []
    return this.#engine.table.ofApp(app).filter((one) => one.active && !was.has(one.version))
  }

  async #started(target: InstanceKey, signal: AbortSignal): Promise<void> {
    for await (const { ready } of this.#watch.follow(target, signal)) if (ready) return
  }

  /** How they are now. @throws APP_START */
  #outcome(targets: readonly InstanceRecord[]): InstanceRecord[] {
    const after = targets.flatMap((record) => this.#engine.table.get(record) ?? [])
    const failed = after.find((record) => record.state === 'failed' && record.goal === 'running')
    if (failed === undefined) return after
    throw new PlaygroundError(
      'APP_START',
      `${formatInstance(failed)} did not start: ${failed.reason}`,
      { hint: `See "p2p-playground logs ${failed.app}".` },
    )
  }

  /** What an order changes, once what it would start is known to run here: nothing is stopped for what cannot. */
  async #runnableEdit(order: AppOrder, asker: Asker): Promise<Edit> {
    const looked = new Set<string>()
    for (;;) {
      // Anew after each look: what the order means may have changed meanwhile.
      const edit = this.#edit(order, this.#versionsOf(order.app), asker)
      const next = edit.targets.find(
        (target) => isStarted(target, order.action) && !looked.has(target.digest),
      )
      if (next === undefined) return edit
      try {
        await this.#engine.preflight.require(next)
      } catch (error) {
        const { table } = this.#engine
        table.record(refusal(this.#clock, order.app, asPlaygroundError(error), asker.peerId))
        throw error
      }
      looked.add(next.digest)
    }
  }

  #versionsOf(app: string): InstanceRecord[] {
    const records = this.#engine.table.ofApp(app)
    const versions = records.filter((record) => record.presence === 'present')
    if (versions.length === 0) throw noSuchApp(app)
    return versions
  }

  #edit(order: AppOrder, versions: readonly InstanceRecord[], asker: Asker): Edit {
    const app = this.#engine.table.app(order.app)
    const named =
      order.version === undefined ? undefined : requireVersion(app, versions, order.version)
    const active = versions.filter((record) => record.active)
    switch (order.action) {
      case 'start':
      case 'stop':
      case 'restart':
      case 'remove': {
        const { action, secure: erase = false } = order
        const targets = named ? [named] : action === 'remove' ? versions : active
        const save = targets.map((record) =>
          action === 'remove' ? unneeded(record, { erase }) : edited(record, action),
        )
        return { change: { save }, targets, versions }
      }
      case 'upgrade': {
        const next = named ?? newestOf(app, versions)
        return { change: this.#upgrade(app, next), targets: [next], versions }
      }
      case 'rollback': {
        const target = named ?? rollbackDefault(app, versions)
        const change = this.#rollback(app, versions, { target, asker })
        return { change, targets: [target], versions }
      }
      case 'tag':
      case 'untag':
        return {
          change: this.#tag(app, order, { named: named ?? active[0], asker }),
          targets: versions,
          versions,
        }
      default:
        return order.action satisfies never
    }
  }

  #upgrade(app: AppRecord, next: InstanceRecord): StateChange {
    if (next.active) return { save: [edited(next, 'start')] }
    const pending = {
      version: next.version,
      policy: 'immediate' as const,
      sinceMs: this.#clock.monotonic(),
    }
    return { saveApps: [{ ...app, pending }] }
  }

  #rollback(
    app: AppRecord,
    instances: readonly InstanceRecord[],
    { target, asker }: { readonly target: InstanceRecord; readonly asker: Asker },
  ): StateChange {
    const options = { start: true, trial: false, nowMs: this.#clock.monotonic() }
    const edit = activate({ app, instances }, target.version, options)
    const message = `back to ${formatInstance(target)} by command`
    const event = instanceEvent(this.#clock, 'rollback', target, { message, by: asker.peerId })
    return { save: edit.save, saveApps: [edit.app], events: [event] }
  }

  #tag(
    app: AppRecord,
    { action, tag = '' }: AppOrder,
    { named, asker }: { readonly named: InstanceRecord | undefined; readonly asker: Asker },
  ): StateChange {
    if (!TAG.test(tag) || (tag !== 'stable' && BUILT_IN_TAGS.some((one) => one === tag))) {
      throw new PlaygroundError('USAGE', `"${tag}" cannot be given as a tag`, {
        hint: 'A tag is lower-case letters, digits and dashes, and neither "latest" nor "dev".',
      })
    }
    const { [tag]: before, ...others } = app.tags
    if (action === 'untag' && before === undefined) {
      if (tag === 'stable') throw new PlaygroundError('APP_NOT_FOUND', `${app.app} is not pinned`)
      throw noSuchTag(app, tag)
    }
    if (named === undefined) throw new PlaygroundError('APP_NOT_FOUND', `${app.app} has no version`)
    const isGiven = action === 'tag'
    const message = isGiven
      ? `${formatInstance(named)} has the tag ${tag}`
      : `${app.app} has no longer the tag ${tag}`
    return {
      saveApps: [{ ...app, tags: isGiven ? { ...others, [tag]: named.version } : others }],
      events: [instanceEvent(this.#clock, 'tagged', named, { message, by: asker.peerId })],
    }
  }
}

/** Of a message; it may repeat what was asked, at whatever length. */
const MAX_MESSAGE = 1000

/** The event of a refusal; what cannot be the name of an app is left out, so that nobody fills the disk with it. */
export function refusal(
  clock: Clock,
  app: string | null,
  { message, code }: Pick<PlaygroundError, 'message' | 'code'>,
  by: string,
): NewEvent {
  const about = app !== null && APP_NAME.test(app) ? app : null
  const text = message.slice(0, MAX_MESSAGE)
  return {
    timeMs: clock.now(),
    type: 'refused',
    app: about,
    version: null,
    message: text,
    code,
    by,
  }
}

/** Runs, and is to go on. */
export function isUp({ goal, handle }: InstanceRecord): boolean {
  return goal === 'running' && handle !== null
}

/** False when an action leaves a version as it is, or ends it. */
function isStarted(record: InstanceRecord, action: AppAction): boolean {
  if (!STARTING.has(action)) return false
  return action === 'restart' || !isUp(record) || (action !== 'start' && !record.active)
}

/** A record after a command. */
export function edited(
  record: InstanceRecord,
  action: 'start' | 'stop' | 'restart',
): InstanceRecord {
  switch (action) {
    case 'start':
      if (isUp(record)) return record
      return wantedAnew(record)
    case 'restart':
      return wantedAnew(record)
    case 'stop':
      // A command also ends that it has failed.
      return unwanted({
        ...record,
        condemned: '',
        ...(record.state === 'failed' ? { state: 'stopped' as const, reason: '' } : {}),
      })
    default:
      return action satisfies never
  }
}
