import {
  APP_ACTIONS,
  PlaygroundError,
  absentApp,
  asPlaygroundError,
  formatExit,
} from '@p2p-playground/core'
import type {
  AppAction,
  Clock,
  InstanceRecord,
  InstanceStatus,
  NodeInfo,
  StateStore,
} from '@p2p-playground/core'
import { callerOf, peerIdOf } from '@p2p-playground/p2p'
import type { Caller, Host } from '@p2p-playground/p2p'
import {
  deployProgressToProto,
  descriptionToProto,
  instanceToProto,
  nodeInfoToProto,
  toConnectError,
  versionToProto,
} from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { refusal } from '../engine/commands.js'
import type { Commands } from '../engine/commands.js'
import type { Deployments } from '../engine/deployments.js'
import { findVersion, hintOf, noSuchApp } from '../engine/find-version.js'
import type { InstanceTable } from '../engine/instance-table.js'
import { noteOf, statusOf, tagsOfVersion, usageOf } from '../engine/status.js'
import type { Launcher } from '../engine/launcher.js'
import type { PackageStore } from '../engine/package-store.js'
import type { Preflight } from '../engine/preflight.js'
import type { StoreQuery } from '../logs/log-query.js'
import type { NodeLogs } from '../logs/node-logs.js'
import type { UsageSampler } from '../usage/usage-sampler.js'
import { canRead, requireGrant, requireRole } from './authority.js'
import type { CommandGuard } from './command-guard.js'
import { deployJob } from './deploy-job.js'
import { streamHeartbeats } from './heartbeats.js'
import type { RefusalEvents } from './refusal-events.js'
import { logQueryOf, streamEvents, streamLogs } from './streams.js'
import { waitingOf } from './waiting.js'
import { whileAllowed } from './while-allowed.js'

export interface NodeServiceDependencies {
  readonly host: Host
  readonly commands: Commands
  readonly deployments: Deployments
  readonly table: InstanceTable
  readonly launcher: Launcher
  readonly preflight: Pick<Preflight, 'problemOf'>
  readonly packages: PackageStore
  readonly logs: NodeLogs
  readonly store: StateStore
  readonly guard: CommandGuard
  readonly refusals: Pick<RefusalEvents, 'record'>
  readonly clock: Clock
  readonly info: (options: { readonly samples: boolean }) => Promise<NodeInfo>
  readonly usage: Pick<UsageSampler, 'instance'>
  readonly isLost: (record: InstanceRecord) => boolean
  /** What the runtime of an instance does not enforce, or empty. */
  readonly limitsOf: (record: InstanceRecord) => string
}

type Service = ServiceImpl<typeof node.NodeService>

/** NodeService over the engine: checks who asks, hands on, and puts the answer into messages. */
export function createNodeService(deps: NodeServiceDependencies): Service {
  const { table, commands, store, launcher, preflight } = deps
  const status = (record: InstanceRecord): InstanceStatus =>
    statusOf(record, {
      app: table.app(record.app),
      problem: preflight.problemOf(record),
      hasHealthCheck: launcher.hasHealthCheck(record),
      isLost: deps.isLost(record),
      limits: deps.limitsOf(record),
    })
  const show = (record: InstanceRecord): node.Instance => instanceToProto(status(record))

  return {
    async getInfo({ samples }, context) {
      observe(context)
      return { node: nodeInfoToProto(await deps.info({ samples })) }
    },
    listPeers(_request, context) {
      observe(context)
      return {
        peers: deps.host.peers().map((peer) => ({
          peerId: peer.peerId,
          addresses: [...peer.addresses],
          source: peer.source,
        })),
      }
    },
    listApps(_request, context) {
      return { instances: readable(observe(context)).map(show) }
    },
    listVersions(request, context) {
      const records =
        request.app === '' ? readable(observe(context)) : requireApp(context, request.app)
      const versions = records.filter(isPresent).map((record) => {
        const about = { app: table.app(record.app), problem: preflight.problemOf(record) }
        return versionToProto(record, {
          state: status(record).state,
          tags: tagsOfVersion(record, table),
          note: noteOf(record, about),
        })
      })
      return { versions }
    },
    async describeApp(request, context) {
      const records = requireApp(context, request.app)
      const events = store.events({ app: request.app, tail: 50 })
      const dropped = deps.logs.apps.dropped(request.app)
      const descriptions = records.map(async (record) =>
        descriptionToProto({
          ...status(record),
          manifest: record.manifest,
          signedBy: record.signedBy,
          dir: deps.packages.filesDir(record),
          usage: await usageOf(record, launcher),
          lastHour: deps.usage.instance(record),
          lastExit: record.ended === null ? '' : formatExit(record.ended.exit),
          tags: tagsOfVersion(record, table),
          failures: store
            .failures(record.app)
            .filter((failure) => failure.version === record.version),
          events: events.filter(
            (event) => event.version === record.version || event.version === null,
          ),
          droppedLogLines: dropped[record.version] ?? 0,
        }),
      )
      return { descriptions: await Promise.all(descriptions) }
    },
    streamLogs(request, context) {
      const caller = observe(context, request.app)
      const query = { ...versionNamed(context, logQueryOf(request)), canRead: canRead(caller) }
      return whileObserving(context, request.app, (signal) =>
        streamLogs(deps.logs, query, request.follow, signal),
      )
    },
    streamEvents(request, context) {
      const source = { table, store, canRead: canRead(observe(context)) }
      return whileObserving(context, '', (signal) => streamEvents(source, request, signal))
    },
    streamHeartbeats(_request, context) {
      const caller = observe(context)
      const source = {
        clock: deps.clock,
        changed: table.changed,
        info: async () => deps.info({ samples: false }),
        instances: () => readable(caller).map(status),
      }
      return whileObserving(context, '', (signal) => streamHeartbeats(source, signal))
    },
    async *deploy(request, context) {
      const caller = operate(context, request.command, request.offer?.app ?? null)
      try {
        const job = deployJob(request, caller, deps.host)
        const waiting = waitingOf(request)
        for await (const view of deps.deployments.deploy(job, caller, waiting, context.signal)) {
          const { record } = view
          const isHere = record?.presence === 'present'
          yield deployProgressToProto({
            ...view,
            totalBytes: job.list.sizeBytes,
            storedPath: isHere ? deps.packages.packagePath(record.digest) : '',
            instance: record === null ? null : status(record),
          })
        }
      } catch (error) {
        throw toConnectError(error)
      }
    },
    async changeApp(request, context) {
      const caller = operate(context, request.command, request.app)
      const command = {
        action: appAction(request.action),
        app: request.app,
        version: request.version === '' ? undefined : request.version,
        tag: request.tag,
        secure: request.secure,
        waiting: request.timeoutMs === 0n ? undefined : waitingOf(request),
      }
      const records = await commands.change(command, caller, context.signal)
      return { instances: records.map(show) }
    },
    async addPeer(request, context) {
      operate(context, request.command, null)
      // The next daemon knows no more than what is kept of it.
      peerIdOf(request.address)
      await deps.host.dial(request.address, context.signal)
      store.addPeer(request.address)
      return {}
    },
  }

  /** Checks that the caller may see the node, or with a name that app of it; a refusal to show an app becomes an event. */
  function observe(context: HandlerContext, app = ''): Caller {
    const caller = callerOf(context)
    if (app === '') requireRole(caller, 'observe')
    else {
      orRefuse(app, caller, () => {
        requireGrant(caller, 'observe', app)
      })
    }
    return caller
  }

  /** A stream of what `observe` allows, for as long as it does. */
  function whileObserving<Message>(
    context: HandlerContext,
    app: string,
    open: (signal: AbortSignal) => AsyncIterable<Message>,
  ): AsyncIterable<Message> {
    const check = (): Caller => observe(context, app)
    return whileAllowed(open, { check, clock: deps.clock }, context.signal)
  }

  /** Checks the grant and the command; refusals become events of this node. */
  function operate(
    context: HandlerContext,
    command: node.Command | undefined,
    app: string | null,
  ): Caller {
    const caller = callerOf(context)
    orRefuse(app, caller, () => {
      requireGrant(caller, 'operate', app)
      deps.guard.check(command, caller.peerId)
    })
    return caller
  }

  function orRefuse(app: string | null, { peerId }: Caller, check: () => void): void {
    try {
      check()
    } catch (error) {
      deps.refusals.record(refusal(deps.clock, app, asPlaygroundError(error), peerId))
      throw error
    }
  }

  /** Those of the apps that the caller may see. */
  function readable(caller: Caller): InstanceRecord[] {
    const can = canRead(caller)
    return table.list().filter(({ app }) => can(app))
  }

  /** With the version that a tag means. The daemon and the events may well tell of what is gone; only apps must be there. */
  function versionNamed(context: HandlerContext, query: StoreQuery): StoreQuery {
    const { app, version, kinds } = query
    if (app === undefined) return query
    const isOfApps = kinds.every((kind) => kind === 'app')
    const versions = isOfApps ? requireApp(context, app) : table.ofApp(app)
    if (version === undefined) return query
    const found = findVersion(table.app(app), versions, version)
    if (found !== undefined) return { ...query, version: found.version }
    if (!isOfApps) return query
    const hint = hintOf(table.app(app), versions)
    throw absentApp(`${app} has no version ${version} on this node`, hint)
  }

  function requireApp(context: HandlerContext, app: string): InstanceRecord[] {
    observe(context, app)
    const records = table.ofApp(app)
    if (records.length === 0) throw noSuchApp(app)
    return records
  }
}

function isPresent(record: InstanceRecord): boolean {
  return record.presence === 'present'
}

function appAction(text: string): AppAction {
  const action = APP_ACTIONS.find((one) => one === text)
  if (action !== undefined) return action
  throw new PlaygroundError('USAGE', `"${text}" is no action on an app`)
}
