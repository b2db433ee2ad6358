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
  /** Source to the highest seq that was read or is no part of the answer. */
  readonly #seen = new Map<string, number>()
  #dropped: DroppedLines[] = []
  #hasBegun = false

  constructor(query: LogQuery, node: string) {
    this.#query = query
    this.#node = node
  }

  /** What is stored, in the node's order. */
  async *stored(client: NodeClient, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    const { tail } = this.#query
    const request = { ...this.#base(), ...(tail === undefined ? {} : { tail }), follow: false }
    for await (const answer of client.streamLogs(request, { signal })) yield this.#take(answer)
  }

  /** What comes after all that was read; begins with what is stored when nothing was. */
  async *live(client: NodeClient, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    if (!this.#hasBegun) yield* this.stored(client, signal)
    const after = Object.fromEntries([...this.#seen].map(([source, seq]) => [source, BigInt(seq)]))
    const request = { ...this.#base(), after, follow: true }
    for await (const answer of client.streamLogs(request, { signal })) yield this.#take(answer)
  }

  takeDropped(): readonly DroppedLines[] {
    return this.#dropped.splice(0)
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
