import type {
  AppCommand,
  AppDescription,
  AppRow,
  Clock,
  Control,
  DeployProgress,
  DeployRequest,
  EventQuery,
  FleetResult,
  Followed,
  LogEntry,
  LogQuery,
  NodeFailure,
  NodeInfo,
  NodeSelector,
  NodeSummary,
  SystemEvent,
  VersionRow,
} from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core'
import type { Host } from '@p2p-playground/p2p'
import {
  descriptionFromProto,
  eventFromProto,
  fromConnectError,
  instanceFromProto,
  logEntryFromProto,
  versionFromProto,
} from '@p2p-playground/proto'
import { commandFor, deploy } from './deploy.js'
import { summaryOf } from './fleet.js'
import type { Fleet, KnownNode, NodeClient } from './fleet.js'
import { failureOf, followNode } from './followed.js'
import { mergeLive } from './merge.js'

const CALL_MS = 60_000

/** The use cases over a libp2p host: each asks the selected nodes at once, and one that fails hides no other's answer. */
export class HostControl implements Control {
  readonly #host: Host
  readonly #fleet: Fleet
  readonly #clock: Clock

  constructor(options: { readonly host: Host; readonly fleet: Fleet; readonly clock: Clock }) {
    this.#host = options.host
    this.#fleet = options.fleet
    this.#clock = options.clock
  }

  async listNodes(target: NodeSelector, signal: AbortSignal): Promise<readonly NodeSummary[]> {
    return (await this.#fleet.select(target, signal)).map(summaryOf)
  }

  async nodeInfo(name: string, signal: AbortSignal): Promise<NodeInfo> {
    const [one] = await this.#fleet.select({ nodes: [name] }, signal)
    if (one?.info !== undefined) return one.info
    throw new PlaygroundError('NODE_UNREACHABLE', `${name} does not answer: ${one?.reason ?? ''}`)
  }

  async addNode(address: string, signal: AbortSignal): Promise<NodeSummary> {
    const added = await this.#fleet.add(address, signal)
    const local = await this.#fleet.localDaemon()
    if (local !== undefined && local.peerId !== added.peerId) {
      const command = commandFor(local.peerId, this.#clock)
      try {
        await this.#fleet
          .client(local.peerId)
          .addPeer({ command, address }, { signal, timeoutMs: CALL_MS })
      } catch (error) {
        throw fromConnectError(error)
      }
    }
    return summaryOf(added)
  }

  deploy(request: DeployRequest, signal: AbortSignal): AsyncIterable<DeployProgress> {
    return deploy(request, { host: this.#host, fleet: this.#fleet, clock: this.#clock }, signal)
  }

  async listApps(target: NodeSelector, signal: AbortSignal): Promise<FleetResult<AppRow>> {
    return this.#askAll(target, signal, async (client, one) => {
      const { instances } = await client.listApps({}, { signal, timeoutMs: CALL_MS })
      return instances.map((message) => ({ ...nodeOf(one), ...instanceFromProto(message) }))
    })
  }

  async changeApp(command: AppCommand, signal: AbortSignal): Promise<FleetResult<AppRow>> {
    return this.#askAll(command.target, signal, async (client, one) => {
      const request = {
        command: commandFor(one.peerId, this.#clock),
        action: command.action,
        app: command.app,
        version: command.version ?? '',
      }
      const { instances } = await client.changeApp(request, { signal, timeoutMs: CALL_MS })
      return instances.map((message) => ({ ...nodeOf(one), ...instanceFromProto(message) }))
    })
  }

  async listVersions(
    app: string,
    target: NodeSelector,
    signal: AbortSignal,
  ): Promise<FleetResult<VersionRow>> {
    return this.#askAll(target, signal, async (client, one) => {
      const { versions } = await client.listVersions({ app }, { signal, timeoutMs: CALL_MS })
      return versions.map((message) => versionFromProto(message, nodeOf(one).node))
    })
  }

  async describeApp(
    app: string,
    target: NodeSelector,
    signal: AbortSignal,
  ): Promise<FleetResult<AppDescription>> {
    return this.#askAll(target, signal, async (client, one) => {
      const { descriptions } = await client.describeApp({ app }, { signal, timeoutMs: CALL_MS })
      return descriptions.map((message) => descriptionFromProto(message, nodeOf(one)))
    })
  }

  async *logs(query: LogQuery, signal: AbortSignal): AsyncGenerator<Followed<LogEntry>> {
    const nodes = await this.#fleet.select(query.target, signal)
    const sources = nodes.map((one) => this.#nodeLogs(one, query, signal))
    yield* flatten(sources, query.follow, (a, b) => a.timeMs - b.timeMs)
  }

  async *events(query: EventQuery, signal: AbortSignal): AsyncGenerator<Followed<SystemEvent>> {
    const nodes = await this.#fleet.select(query.target, signal)
    const sources = nodes.map((one) => this.#nodeEvents(one, query, signal))
    yield* flatten(sources, query.follow, (a, b) => a.timeMs - b.timeMs)
  }

  async close(): Promise<void> {
    await this.#host.stop()
  }

  #nodeLogs(
    one: KnownNode,
    query: LogQuery,
    signal: AbortSignal,
  ): AsyncGenerator<Followed<readonly LogEntry[]>> {
    const seen: Record<string, bigint> = {}
    const open = async function* (client: NodeClient): AsyncGenerator<readonly LogEntry[]> {
      const resumed = Object.keys(seen).length > 0
      const request = {
        app: query.app,
        version: query.version ?? '',
        follow: query.follow,
        stream: query.stream ?? '',
        grep: query.grep ?? '',
        afterSeq: seen,
        ...(query.sinceMs === undefined ? {} : { sinceMs: BigInt(Math.round(query.sinceMs)) }),
        ...(query.tail === undefined || resumed ? {} : { tail: query.tail }),
      }
      for await (const { entries } of client.streamLogs(request, { signal })) {
        for (const entry of entries) seen[entry.version] = entry.seq
        yield entries.map(logEntryFromProto)
      }
    }
    return followNode(one, () => open(this.#fleet.client(one.peerId)), {
      ...query,
      clock: this.#clock,
      signal,
    })
  }

  #nodeEvents(
    one: KnownNode,
    query: EventQuery,
    signal: AbortSignal,
  ): AsyncGenerator<Followed<readonly SystemEvent[]>> {
    let afterSeq = 0n
    const open = async function* (client: NodeClient): AsyncGenerator<readonly SystemEvent[]> {
      const request = {
        follow: query.follow,
        ...(query.sinceMs === undefined ? {} : { sinceMs: BigInt(Math.round(query.sinceMs)) }),
        ...(query.tail === undefined || afterSeq > 0n ? {} : { tail: query.tail }),
        ...(afterSeq > 0n ? { afterSeq } : {}),
      }
      for await (const { events } of client.streamEvents(request, { signal })) {
        afterSeq = events.at(-1)?.seq ?? afterSeq
        yield events.map(eventFromProto)
      }
    }
    return followNode(one, () => open(this.#fleet.client(one.peerId)), {
      ...query,
      clock: this.#clock,
      signal,
    })
  }

  async #askAll<Item>(
    target: NodeSelector,
    signal: AbortSignal,
    ask: (client: NodeClient, one: KnownNode) => Promise<readonly Item[]>,
  ): Promise<FleetResult<Item>> {
    const nodes = await this.#fleet.select(target, signal)
    const failures: NodeFailure[] = []
    const answers = nodes.map(async (one) => {
      try {
        if (one.info === undefined) throw new PlaygroundError('NODE_UNREACHABLE', one.reason)
        return await ask(this.#fleet.client(one.peerId), one)
      } catch (error) {
        failures.push(failureOf(one, error))
        return []
      }
    })
    return { items: (await Promise.all(answers)).flat(), failures }
  }
}

function nodeOf(one: KnownNode): { readonly node: string; readonly peerId: string } {
  return { node: one.name ?? one.peerId, peerId: one.peerId }
}

/** Followed items come as they happen; the rest is put in order first, for it ends. */
async function* flatten<Item>(
  sources: readonly AsyncIterable<Followed<readonly Item[]>>[],
  follow: boolean,
  compare: (a: Item, b: Item) => number,
): AsyncGenerator<Followed<Item>> {
  const stored: Item[] = []
  for await (const followed of mergeLive(sources)) {
    if (followed.kind === 'failure') yield followed
    else if (follow) for (const item of followed.item) yield { kind: 'item', item }
    else stored.push(...followed.item)
  }
  for (const item of stored.sort(compare)) yield { kind: 'item', item }
}
