import type { LogEntry, LogQuery } from '@p2p-playground/core'
import { logEntryFromProto } from '@p2p-playground/proto'
import type { NodeClient } from './survey.js'

/** A node's clock may be set back by so much without hiding a line that is new. */
const CLOCK_SLACK_MS = 60_000

/** How far the log of one node has been read: first what is stored, then, without gap or repeat, what is new. */
export class LogCursor {
  readonly #query: LogQuery
  /** Version to the highest seq that was read. */
  readonly #seen = new Map<string, number>()
  /** Time of the first entry that was read: `tail` has cut off nothing that is newer. */
  #floorMs: number | undefined
  #isStoredRead = false

  constructor(query: LogQuery) {
    this.#query = query
  }

  /** What is stored, in the node's order. */
  async *stored(client: NodeClient, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    const { tail } = this.#query
    // Of nothing, one must be seen, to go on from there.
    const asked = tail === 0 ? { tail: 1 } : tail === undefined ? {} : { tail }
    const request = {
      ...this.#base(),
      ...this.#since(this.#query.sinceMs),
      ...asked,
      follow: false,
    }
    for await (const { entries } of client.streamLogs(request, { signal })) {
      const known = entries.map(logEntryFromProto)
      for (const entry of known) this.#note(entry)
      if (tail !== 0) yield known
    }
    this.#isStoredRead = true
  }

  /** What comes after all that was read; begins with what is stored when nothing was. */
  async *live(client: NodeClient, signal: AbortSignal): AsyncGenerator<LogEntry[]> {
    if (!this.#isStoredRead && this.#seen.size === 0) yield* this.stored(client, signal)
    const before = new Set(this.#seen.keys())
    const floorMs = this.#query.tail === undefined ? undefined : this.#floorMs
    const sinceMs = Math.max(
      this.#query.sinceMs ?? -Infinity,
      (floorMs ?? -Infinity) - CLOCK_SLACK_MS,
    )
    const afterSeq = Object.fromEntries(
      [...this.#seen].map(([version, seq]) => [version, BigInt(seq)]),
    )
    const request = { ...this.#base(), ...this.#since(sinceMs), afterSeq, follow: true }
    for await (const { entries } of client.streamLogs(request, { signal })) {
      const known = entries.map(logEntryFromProto)
      const isCutOff = (entry: LogEntry): boolean =>
        floorMs !== undefined && entry.timeMs <= floorMs && !before.has(entry.version)
      const fresh = known.filter((entry) => !isCutOff(entry) && this.#isNew(entry))
      for (const entry of fresh) this.#note(entry)
      yield fresh
    }
  }

  #base(): { app: string; version: string; stream: string; grep: string } {
    const { app, version = '', stream = '', grep = '' } = this.#query
    return { app, version, stream, grep }
  }

  #since(sinceMs: number | undefined): { sinceMs?: bigint } {
    return sinceMs === undefined || sinceMs === -Infinity
      ? {}
      : { sinceMs: BigInt(Math.round(sinceMs)) }
  }

  #isNew({ version, seq }: LogEntry): boolean {
    return seq > (this.#seen.get(version) ?? 0)
  }

  #note({ version, seq, timeMs }: LogEntry): void {
    this.#seen.set(version, Math.max(seq, this.#seen.get(version) ?? 0))
    this.#floorMs ??= timeMs
  }
}

/** By time, then node, version and seq: the order of a merged log. */
export function compareEntries(a: LogEntry, b: LogEntry): number {
  return (
    a.timeMs - b.timeMs || byText(a.node, b.node) || byText(a.version, b.version) || a.seq - b.seq
  )
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
