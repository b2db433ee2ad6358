import { PlaygroundError, asPlaygroundError, formatExit } from '@p2p-playground/core'
import type {
  AppAction,
  Clock,
  InstanceRecord,
  NodeInfo,
  Role,
  StateStore,
} from '@p2p-playground/core'
import { checkPieceList } from '@p2p-playground/core/bundle'
import { callerOf } from '@p2p-playground/p2p'
import type { Caller, Host } from '@p2p-playground/p2p'
import {
  descriptionToProto,
  instanceToProto,
  nodeInfoToProto,
  offerFromProto,
  toConnectError,
  versionToProto,
} from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import type { Commands } from '../engine/commands.js'
import { statusOf } from '../engine/instance-table.js'
import type { InstanceTable } from '../engine/instance-table.js'
import type { Launcher } from '../engine/launcher.js'
import type { PackageStore } from '../engine/package-store.js'
import type { LogStore } from '../logs/log-store.js'
import type { CommandGuard } from './command-guard.js'
import { streamEvents, streamLogs } from './streams.js'

export interface NodeServiceDependencies {
  readonly host: Host
  readonly commands: Commands
  readonly table: InstanceTable
  readonly launcher: Launcher
  readonly packages: PackageStore
  readonly logs: LogStore
  readonly store: StateStore
  readonly guard: CommandGuard
  readonly clock: Clock
  readonly info: () => Promise<NodeInfo>
  /** What the runtime of an instance does not enforce, or empty. */
  readonly limitsOf: (record: InstanceRecord) => string
}

/** A node with a deploy time-out of nothing would never end a wait. */
const MAX_DEPLOY_MS = 24 * 3_600_000

type Service = ServiceImpl<typeof node.NodeService>

/** NodeService over the engine: checks who asks, hands on, and puts the answer into messages. */
export function createNodeService(deps: NodeServiceDependencies): Service {
  const { table, commands, store, launcher } = deps
  const show = (record: InstanceRecord): node.Instance =>
    instanceToProto(statusOf(record, deps.limitsOf(record)))

  return {
    async getInfo(_request, context) {
      observe(context)
      return { node: nodeInfoToProto(await deps.info()) }
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
      observe(context)
      return { instances: table.list().map(show) }
    },
    listVersions(request, context) {
      observe(context)
      const records = request.app === '' ? table.list() : requireApp(request.app)
      return { versions: records.filter(isPresent).map((record) => versionToProto(record)) }
    },
    async describeApp(request, context) {
      observe(context)
      const records = requireApp(request.app)
      const events = store.events({ app: request.app, tail: 50 })
      const descriptions = records.map(async (record) =>
        descriptionToProto({
          ...statusOf(record, deps.limitsOf(record)),
          manifest: record.manifest,
          signedBy: record.signedBy,
          dir: deps.packages.filesDir(record),
          usage:
            record.handle === null ? null : await launcher.runtimeOf(record).usage(record.handle),
          lastExit: record.ended === null ? '' : formatExit(record.ended.exit),
          events: events.filter(
            (event) => event.version === record.version || event.version === null,
          ),
        }),
      )
      return { descriptions: await Promise.all(descriptions) }
    },
    streamLogs(request, context) {
      observe(context)
      if (table.ofApp(request.app).length === 0) throw noApp(request.app)
      return streamLogs(deps.logs, request, context.signal)
    },
    streamEvents(request, context) {
      observe(context)
      return streamEvents(table, store, request, context.signal)
    },
    async *deploy(request, context) {
      const caller = operate(context, request.command, request.offer?.app ?? null)
      try {
        const offer = offerFromProto(request.offer)
        checkPieceList(offer.list)
        const job = {
          ...offer,
          sources: request.sources.length > 0 ? request.sources : [caller.peerId],
          allowDowngrade: request.allowDowngrade,
          by: caller.peerId,
        }
        const timeoutMs = Math.min(Number(request.timeoutMs), MAX_DEPLOY_MS)
        const options = { wait: request.wait, timeoutMs }
        for await (const view of commands.deploy(job, caller, options, context.signal)) {
          yield {
            phase: view.phase,
            doneBytes: BigInt(view.doneBytes),
            totalBytes: BigInt(offer.list.sizeBytes),
            reusedBytes: BigInt(view.reusedBytes),
            ...(view.record === null ? {} : { instance: show(view.record) }),
          }
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
      }
      const records = await commands.change(command, caller, context.signal)
      return { instances: records.map(show) }
    },
    async addPeer(request, context) {
      operate(context, request.command, null)
      await deps.host.dial(request.address, context.signal)
      store.addPeer(request.address)
      return {}
    },
  }

  function observe(context: HandlerContext): Caller {
    return requireRole(context, 'observe')
  }

  /** Checks the role and the command; refusals become events of this node. */
  function operate(
    context: HandlerContext,
    command: node.Command | undefined,
    app: string | null,
  ): Caller {
    const caller = callerOf(context)
    try {
      requireRole(context, 'operate')
      deps.guard.check(command, caller.peerId)
      return caller
    } catch (error) {
      commands.refused(app, asPlaygroundError(error), caller.peerId)
      throw error
    }
  }

  function requireApp(app: string): InstanceRecord[] {
    const records = table.ofApp(app)
    if (records.length === 0) throw noApp(app)
    return records
  }
}

function requireRole(context: HandlerContext, role: Role): Caller {
  const caller = callerOf(context)
  if (caller.roles.has(role)) return caller
  throw new PlaygroundError(
    'AUTH_ROLE',
    `this needs the role "${role}", which ${caller.peerId} has not proved`,
    {
      hint: "Add your public key with that role to the node's security.trusted_public_keys.",
    },
  )
}

function noApp(app: string): PlaygroundError {
  return new PlaygroundError('APP_NOT_FOUND', `there is no app "${app}" on this node`)
}

function isPresent(record: InstanceRecord): boolean {
  return record.presence === 'present'
}

function appAction(text: string): AppAction {
  if (text === 'start' || text === 'stop' || text === 'restart' || text === 'remove') return text
  throw new PlaygroundError('USAGE', `"${text}" is no action on an app`)
}
