import type { CallOptions } from '@connectrpc/connect'
import { logSourceOf } from '@p2p-playground/core'
import type { DroppedLines, LogEntry, LogQuery } from '@p2p-playground/core'
import { droppedFromProto, logEntryFromProto, logSourceOfProto } from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import type { NodeClient } from './survey.js'

/** How far the logs of one node have been read: first what is stored, then, without gap or repeat, what is new. */
export class LogCursor {
  readonly #query: LogQuery
  /** Name of the node. */
  readonly #node: string
  readonly #seen: Map<string, number>
  #dropped: DroppedLines[] = []
  #hasBegun = false

  /** `after`: what of the node's logs is no part of the answer. */
  constructor(query: LogQuery, node: string, after: Readonly<Record<string, number>> = {}) {
    this.#query = query
    this.#node = node
    this.#seen = new Map(Object.entries(after))
  }

  /** What is stored, in the node's order. */
  async *stored(client: NodeClient, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    const { tail } = this.#query
    const request = {
      ...this.#base(),
      ...(tail === undefined ? {} : { tail }),
      after: this.#after(),
      follow: false,
    }
    for await (const answer of client.streamLogs(request, { signal })) yield this.#take(answer)
  }

  /** What comes after all that was read; begins with what is stored when nothing was. */
  async *live(client: NodeClient, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    if (!this.#hasBegun) yield* this.stored(client, signal)
    const request = { ...this.#base(), after: this.#after(), follow: true }
    for await (const answer of client.streamLogs(request, { signal })) yield this.#take(answer)
  }

  takeDropped(): readonly DroppedLines[] {
    return this.#dropped.splice(0)
  }

  #after(): Record<string, bigint> {
    return Object.fromEntries([...this.#seen].map(([source, seq]) => [source, BigInt(seq)]))
  }

  #base(): {
    app: string
    version: string
    kinds: string[]
    stream: string
    grep: string
    sinceMs?: bigint
    untilMs?: bigint
  } {
    const { app = '', version = '', kinds = [], stream = '', grep = '' } = this.#query
    const { sinceMs, untilMs } = this.#query
    return {
      ...{ app, version, kinds: [...kinds], stream, grep },
      ...(sinceMs === undefined ? {} : { sinceMs: BigInt(Math.round(sinceMs)) }),
      ...(untilMs === undefined ? {} : { untilMs: BigInt(Math.round(untilMs)) }),
    }
  }

  #take({ entries, position, dropped }: node.StreamLogsResponse): LogEntry[] {
    this.#hasBegun = true
    for (const [source, seq] of Object.entries(position)) this.#seen.set(source, Number(seq))
    this.#dropped.push(...dropped.map((lines) => droppedFromProto(lines, { node: this.#node })))
    for (const entry of entries) this.#seen.set(logSourceOfProto(entry), Number(entry.seq))
    return entries.map(logEntryFromProto)
  }
}

/** Per source that the query means, the seq of its newest line. */
export async function logMark(
  client: NodeClient,
  { app = '', version = '' }: Pick<LogQuery, 'app' | 'version'>,
  options: CallOptions,
): Promise<Readonly<Record<string, number>>> {
  const mark: Record<string, number> = {}
  const request = { app, version, tail: 0, follow: false }
  for await (const { position } of client.streamLogs(request, options))
    for (const [source, seq] of Object.entries(position)) mark[source] = Number(seq)
  return mark
}

/** By time, then node, source and seq: the order of a merged log. */
export function compareEntries(a: LogEntry, b: LogEntry): number {
  return (
    a.timeMs - b.timeMs ||
    byText(a.node, b.node) ||
    byText(logSourceOf(a), logSourceOf(b)) ||
    a.seq - b.seq
  )
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
