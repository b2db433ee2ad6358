import type { DroppedLines, EventQuery, SystemEvent } from '@p2p-playground/core'
import { eventFromProto } from '@p2p-playground/proto'
import type { NodeClient } from './survey.js'

/** How far the events of one node have been read: first what is stored, then, without gap or repeat, what is new. */
export class EventCursor {
  readonly #query: EventQuery
  #lastSeq = 0
  #isStoredRead = false

  constructor(query: EventQuery) {
    this.#query = query
  }

  /** What is stored, in the node's order. */
  async *stored(client: NodeClient, signal: AbortSignal): AsyncGenerator<SystemEvent[]> {
    const { tail } = this.#query
    // Of nothing, one must be seen, to go on from there.
    const asked = tail === 0 ? { tail: 1 } : tail === undefined ? {} : { tail }
    const request = { ...this.#since(), ...asked, follow: false }
    for await (const { events } of client.streamEvents(request, { signal })) {
      const fresh = this.#take(events.map(eventFromProto))
      if (tail !== 0) yield fresh
    }
    this.#isStoredRead = true
  }

  /** What comes after all that was read; begins with what is stored when nothing was. */
  async *live(client: NodeClient, signal: AbortSignal): AsyncGenerator<SystemEvent[]> {
    if (!this.#isStoredRead && this.#lastSeq === 0) yield* this.stored(client, signal)
    const request = { ...this.#since(), ...this.#after(), follow: true }
    for await (const { events } of client.streamEvents(request, { signal })) {
      yield this.#take(events.map(eventFromProto))
    }
  }

  takeDropped(): readonly DroppedLines[] {
    return []
  }

  #since(): { sinceMs?: bigint } {
    const { sinceMs } = this.#query
    return sinceMs === undefined ? {} : { sinceMs: BigInt(Math.round(sinceMs)) }
  }

  #after(): { afterSeq?: bigint } {
    return this.#lastSeq === 0 ? {} : { afterSeq: BigInt(this.#lastSeq) }
  }

  /** Those that were not read before. */
  #take(events: readonly SystemEvent[]): SystemEvent[] {
    return events.filter(({ seq }) => {
      if (seq <= this.#lastSeq) return false
      this.#lastSeq = seq
      return true
    })
  }
}

/** By time, then node and seq: the order of merged events. */
export function compareEvents(a: SystemEvent, b: SystemEvent): number {
  return a.timeMs - b.timeMs || (a.node < b.node ? -1 : a.node > b.node ? 1 : a.seq - b.seq)
}
