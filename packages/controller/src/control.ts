import type {
  AppCommand,
  AppDescription,
  AppQuery,
  AppRow,
  Clock,
  Control,
  DeployProgress,
  DeployRequest,
  EventQuery,
  FleetResult,
  Followed,
  LogEntry,
  LogMarks,
  LogQuery,
  NodeEvent,
  NodeInfo,
  NodeSelector,
  NodeSummary,
  SystemEvent,
  VersionRow,
} from '@p2p-playground/core'
import { PlaygroundError, asPlaygroundError } from '@p2p-playground/core'
import type { Host } from '@p2p-playground/p2p'
import { descriptionFromProto, nodeInfoFromProto, versionFromProto } from '@p2p-playground/proto'
import { appFailures } from './app-hint.js'
import { callError } from './call-error.js'
import { changeApp } from './change-app.js'
import { commandFor, deploy } from './deploy.js'
import { EventCursor, compareEvents } from './event-cursor.js'
import { streamFleet } from './fleet-stream.js'
import type { FleetStream } from './fleet-stream.js'
import type { Fleet } from './fleet.js'
import { failureOf, nodeOf, requireInfo, summaryOf } from './known-node.js'
import type { KnownNode } from './known-node.js'
import { listApps } from './list-apps.js'
import { LogCursor, compareEntries, logMark } from './log-cursor.js'
import { isSparse } from './sparse.js'
import type { Miss } from './sparse.js'
import type { NodeClient } from './survey.js'
import { watchNodes } from './watch-nodes.js'

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

  async listNodes(target: NodeSelector, signal: AbortSignal): Promise<FleetResult<NodeSummary>> {
    const nodes = await this.#fleet.select(target, signal)
    const doubtful = nodes.filter((one) => one.isDoubtful === true)
    return {
      items: nodes.filter((one) => !doubtful.includes(one)).map(summaryOf),
      failures: doubtful.map((one) => failureOf(one, one.failure)),
      answered: nodes.filter(({ info }) => info !== undefined).length,
    }
  }

  async nodeInfo(name: string, signal: AbortSignal): Promise<NodeInfo> {
    const [one] = await this.#fleet.select({ nodes: [name] }, signal)
    if (one === undefined) throw new PlaygroundError('NODE_NOT_FOUND', `there is no node "${name}"`)
    requireInfo(one)
    const request = { samples: true }
    try {
      const { node } = await this.#fleet
        .client(one.peerId)
        .getInfo(request, { signal, timeoutMs: CALL_MS })
      return nodeInfoFromProto(node)
    } catch (error) {
      throw callError(error)
    }
  }

  watchNodes(target: NodeSelector, signal: AbortSignal): AsyncIterable<Followed<NodeEvent>> {
    return watchNodes(target, { fleet: this.#fleet, clock: this.#clock }, signal)
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
        throw callError(error)
      }
    }
    return summaryOf(added)
  }

  deploy(request: DeployRequest, signal: AbortSignal): AsyncIterable<DeployProgress> {
    return deploy(request, { host: this.#host, fleet: this.#fleet, clock: this.#clock }, signal)
  }

  async listApps(query: AppQuery, signal: AbortSignal): Promise<FleetResult<AppRow>> {
    return this.#askAll(query, signal, async (client, one) => {
      const instances = await listApps(client, query, { signal, timeoutMs: CALL_MS })
      return instances.map((instance) => ({ ...nodeOf(one), ...instance }))
    })
  }

  async changeApp(command: AppCommand, signal: AbortSignal): Promise<FleetResult<AppRow>> {
    const begunMs = this.#clock.monotonic()
    return this.#askAll(command, signal, async (client, one) =>
      changeApp(one, command, { client, clock: this.#clock, begunMs }, signal),
    )
  }

  async listVersions(
    app: string,
    target: NodeSelector,
    signal: AbortSignal,
  ): Promise<FleetResult<VersionRow>> {
    return this.#askAll({ app, target }, signal, async (client, one) => {
      const { versions } = await client.listVersions({ app }, { signal, timeoutMs: CALL_MS })
      return versions.map((message) => versionFromProto(message, nodeOf(one).node))
    })
  }

  async describeApp(
    app: string,
    target: NodeSelector,
    signal: AbortSignal,
  ): Promise<FleetResult<AppDescription>> {
    return this.#askAll({ app, target }, signal, async (client, one) => {
      const { descriptions } = await client.describeApp({ app }, { signal, timeoutMs: CALL_MS })
      return descriptions.map((message) => descriptionFromProto(message, nodeOf(one)))
    })
  }

  async logMarks(
    query: Pick<LogQuery, 'app' | 'version' | 'target'>,
    signal: AbortSignal,
  ): Promise<LogMarks> {
    const { items } = await this.#askAll(
      { target: query.target },
      signal,
      async (client, { peerId }) => [
        [peerId, await logMark(client, query, { signal, timeoutMs: CALL_MS })] as const,
      ],
    )
    return new Map(items)
  }

  async *logs(query: LogQuery, signal: AbortSignal): AsyncGenerator<Followed<LogEntry>> {
    const nodes = await this.#fleet.select(query.target, signal)
    const cursor = (one: KnownNode): LogCursor =>
      new LogCursor(query, nodeOf(one).node, query.after?.get(one.peerId))
    const stream = { ...this.#streamOf(nodes, query), cursor, compare: compareEntries }
    yield* streamFleet(stream, signal)
  }

  async *events(query: EventQuery, signal: AbortSignal): AsyncGenerator<Followed<SystemEvent>> {
    const nodes = await this.#fleet.select(query.target, signal)
    const cursor = (): EventCursor => new EventCursor(query)
    const stream = { ...this.#streamOf(nodes, query), cursor, compare: compareEvents }
    yield* streamFleet(stream, signal)
  }

  async close(): Promise<void> {
    await this.#host.stop()
  }

  #streamOf(
    nodes: readonly KnownNode[],
    { app, follow, target }: Pick<LogQuery, 'app' | 'follow' | 'target'>,
  ): Omit<FleetStream<never>, 'cursor' | 'compare'> {
    const clientOf = (peerId: string): NodeClient => this.#fleet.client(peerId)
    return { nodes, clientOf, app, follow, isSparse: isSparse(target), clock: this.#clock }
  }

  async #askAll<Item>(
    { app, target }: Pick<AppQuery, 'app' | 'target'>,
    signal: AbortSignal,
    ask: (client: NodeClient, one: KnownNode) => Promise<readonly Item[]>,
  ): Promise<FleetResult<Item>> {
    const nodes = await this.#fleet.select(target, signal)
    const answers = await Promise.all(nodes.map(async (one) => this.#askOne(one, ask)))
    if (signal.aborted) throw asPlaygroundError(signal.reason, 'CANCELED')
    const misses = answers.flatMap((answer) => ('error' in answer ? answer : []))
    const answered = answers.length - misses.length
    const outcome = { misses, answered, isSparse: isSparse(target), app }
    return {
      items: answers.flatMap((answer) => ('items' in answer ? answer.items : [])),
      failures: await appFailures(outcome, (peerId) => this.#fleet.client(peerId), signal),
      answered,
    }
  }

  async #askOne<Item>(
    one: KnownNode,
    ask: (client: NodeClient, one: KnownNode) => Promise<readonly Item[]>,
  ): Promise<{ readonly items: readonly Item[] } | Miss> {
    try {
      requireInfo(one)
      return { items: await ask(this.#fleet.client(one.peerId), one) }
    } catch (error) {
      return { one, error }
    }
  }
}
