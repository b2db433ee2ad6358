import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceImpl } from '@connectrpc/connect'
import { absentApp, logSourceOf, newInstanceRecord } from '@p2p-playground/core'
import type {
  AppAction,
  InstanceRecord,
  InstanceStatus,
  LogEntry,
  NodeInfo,
  PlaygroundError,
  SystemEvent,
} from '@p2p-playground/core'
import {
  descriptionToProto,
  eventToProto,
  heartbeatToProto,
  instanceToProto,
  logEntryToProto,
  nodeInfoToProto,
  toConnectError,
  versionToProto,
} from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import type { Feed } from './feed.js'

/** What a fake node holds; tests read and change it. */
export interface FakeState {
  info: NodeInfo
  peers: { peerId: string; addresses: string[]; source: string }[]
  instances: InstanceStatus[]
  readonly log: Feed<LogEntry>
  /** Told with the next answer. */
  readonly dropped: { source: string; lines: bigint }[]
  readonly events: Feed<SystemEvent>
  readonly commands: node.Command[]
  /** Each change that was asked for. */
  readonly changes: node.ChangeAppRequest[]
  /** The answer to a change waits for it, and is what it throws. */
  changing: () => Promise<void>
  readonly addedPeers: string[]
  /** The last question for information was one for samples too. */
  samplesAsked: boolean
  /** Throws instead of answering, when set. */
  refusal: PlaygroundError | undefined
  /** Never answers, when set. */
  isMute: boolean
  deploy: (
    request: node.DeployRequest,
    signal: AbortSignal,
  ) => AsyncIterable<{ phase: string; doneBytes?: bigint; instance?: node.Instance }>
}

type Service = ServiceImpl<typeof node.NodeService>

/** NodeService in memory, with the rules of the real one for what it streams. */
export function fakeService(state: FakeState): Service {
  const enter = async (command?: node.Command): Promise<void> => {
    if (state.isMute) await new Promise(() => undefined)
    if (state.refusal !== undefined) throw toConnectError(state.refusal)
    if (command !== undefined) state.commands.push(command)
  }
  const ofApp = (app: string): InstanceStatus[] => {
    const found = state.instances.filter((one) => one.app === app)
    if (found.length > 0) return found
    throw toConnectError(absentApp(`there is no app "${app}" on this node`))
  }
  return {
    async getInfo({ samples }) {
      await enter()
      state.samplesAsked = samples
      return { node: nodeInfoToProto(state.info) }
    },
    async listPeers() {
      await enter()
      return { peers: state.peers }
    },
    async listApps() {
      await enter()
      return { instances: state.instances.map(instanceToProto) }
    },
    async listVersions({ app }) {
      await enter()
      const found = app === '' ? state.instances : ofApp(app)
      const versions = found.map((one) =>
        versionToProto(recordOf(one), { state: one.state, tags: ['latest'], note: '' }),
      )
      return { versions }
    },
    async describeApp({ app }) {
      await enter()
      const rest = {
        manifest: `name: ${app}`,
        signedBy: 'team',
        dir: '/apps',
        lastExit: '',
        tags: [],
        failures: [],
        droppedLogLines: 0,
      }
      const lastHour = null
      const usage = { cpuMs: 1.5, memoryBytes: 4096, processes: 2 }
      const events = state.events.items.filter((event) => event.app === app)
      return {
        descriptions: ofApp(app).map((one) =>
          descriptionToProto({ ...one, ...rest, usage, lastHour, events }),
        ),
      }
    },
    async *streamLogs(request, { signal }) {
      await enter()
      if (request.app !== '') ofApp(request.app)
      const kinds = request.kinds.length === 0 ? ['app'] : request.kinds
      // A number beyond the newest is of a log that was removed.
      const isThere = (source: string, seq: bigint): boolean =>
        state.log.items.some((one) => logSourceOf(one) === source && BigInt(one.seq) >= seq)
      const position = Object.fromEntries(
        Object.entries(request.after).map(([source, seq]) => [
          source,
          isThere(source, seq) ? seq : 0n,
        ]),
      )
      const wants = (entry: LogEntry): boolean =>
        kinds.includes(entry.kind) &&
        (request.app === '' || entry.app === request.app) &&
        (request.version === '' || entry.version === request.version) &&
        (request.stream === '' || (entry.kind === 'app' && entry.stream === request.stream)) &&
        entry.line.includes(request.grep) &&
        entry.timeMs >= Number(request.sinceMs ?? 0n) &&
        entry.timeMs <= Number(request.untilMs ?? Infinity) &&
        entry.seq > Number(position[logSourceOf(entry)] ?? 0n)
      const stored = state.log.items.filter(wants)
      const first = stored.length - (request.tail ?? Infinity)
      for (const entry of stored.slice(0, Math.max(first, 0))) {
        position[logSourceOf(entry)] = BigInt(entry.seq)
      }
      yield { position, dropped: state.dropped.splice(0) }
      for await (const entries of batches(state.log, wants, { ...request, signal })) {
        yield { entries: entries.map(logEntryToProto) }
      }
    },
    async *streamEvents(request, { signal }) {
      await enter()
      const wants = (event: SystemEvent): boolean =>
        event.timeMs >= Number(request.sinceMs ?? 0n) && event.seq > Number(request.afterSeq ?? 0n)
      for await (const events of batches(state.events, wants, { ...request, signal })) {
        yield { events: events.map(eventToProto) }
      }
    },
    async *streamHeartbeats(_request, { signal }) {
      await enter()
      // As often as a test may look.
      while (!signal.aborted) {
        yield heartbeatToProto({ node: state.info, instances: state.instances })
        await delay(20)
      }
    },
    async *deploy(request, { signal }) {
      await enter(request.command)
      try {
        yield* state.deploy(request, signal)
      } catch (error) {
        throw toConnectError(error)
      }
    },
    async changeApp(request) {
      await enter(request.command)
      state.changes.push(request)
      try {
        await state.changing()
      } catch (error) {
        throw toConnectError(error)
      }
      const isMeant = (one: InstanceStatus): boolean =>
        one.app === request.app &&
        (request.version === '' ? one.active : one.version === request.version)
      ofApp(request.app)
      state.instances = state.instances.map((one) =>
        isMeant(one) ? { ...one, state: after(request.action as AppAction) } : one,
      )
      return { instances: state.instances.filter(isMeant).map(instanceToProto) }
    },
    async addPeer(request) {
      await enter(request.command)
      state.addedPeers.push(request.address)
      return {}
    },
  }
}

interface Range {
  readonly tail?: number | undefined
  readonly follow: boolean
  readonly signal: AbortSignal
}

async function* batches<Item>(
  feed: Feed<Item>,
  wants: (item: Item) => boolean,
  { tail, follow, signal }: Range,
): AsyncGenerator<readonly Item[]> {
  const skipped = feed.items.filter(wants).length - (tail ?? Infinity)
  const stored = feed.items.filter(wants).slice(Math.max(skipped, 0))
  const known = feed.items.length
  for (let start = 0; start < stored.length; start += 3) yield stored.slice(start, start + 3)
  let seen = 0
  if (!follow) return
  for await (const items of feed.follow(signal)) {
    yield items.filter((item, index) => seen + index >= known && wants(item))
    seen += items.length
  }
}

function after(action: AppAction): InstanceStatus['state'] {
  if (action === 'stop') return 'stopped'
  return action === 'remove' ? 'removing' : 'running'
}

function recordOf(one: InstanceStatus): InstanceRecord {
  return {
    ...newInstanceRecord(one, one.digest),
    presence: 'present',
    active: one.active,
    sizeBytes: 1234,
    receivedAtMs: 1,
  }
}
