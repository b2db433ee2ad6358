import type { EventLogEntry, StateStore, SystemEvent } from '@p2p-playground/core'
import type { InstanceTable } from '../engine/instance-table.js'
import type { FeedListener, LogBlock, LogChunk, LogFeed, LogSource } from './log-feed.js'
import type { StoreQuery } from './log-query.js'

/** The database answers at once and holds up the daemon meanwhile. */
const CHUNK_EVENTS = 500

/** The system events of a node, as lines. */
export class EventFeed implements LogFeed {
  readonly #store: StateStore
  readonly #table: InstanceTable

  constructor(options: { readonly store: StateStore; readonly table: InstanceTable }) {
    this.#store = options.store
    this.#table = options.table
  }

  sources({ kinds, stream }: StoreQuery): LogSource[] {
    if (!kinds.includes('event') || stream !== undefined) return []
    const newest = this.#store.events({ tail: 1 })[0]?.seq ?? 0
    const chunks = (): LogChunk[] => this.#chunks(newest)
    // Each event was on the disk before anybody heard of it.
    const sync = async (): Promise<void> => Promise.resolve()
    return [{ name: 'event', nextSeq: newest + 1, instance: null, chunks, sync }]
  }

  subscribe(listener: FeedListener): () => void {
    return this.#table.onEvent((event) => {
      listener.push([entryOf(event)])
    })
  }

  #chunks(newest: number): LogChunk[] {
    const chunks: LogChunk[] = []
    const oldest = this.#store.events({ head: 1 })[0]?.seq ?? newest + 1
    for (let firstSeq = oldest; firstSeq <= newest; firstSeq += CHUNK_EVENTS) {
      const read = async (fromSeq = firstSeq): Promise<LogBlock[]> => {
        const skipped = Math.max(0, Math.min(fromSeq - firstSeq, CHUNK_EVENTS - 1))
        const filter = { afterSeq: firstSeq + skipped - 1, head: CHUNK_EVENTS - skipped }
        const events = this.#store.events(filter)
        // Where old ones have gone meanwhile, some of the next chunk come along.
        const own = events.filter(({ seq }) => seq < firstSeq + CHUNK_EVENTS)
        return Promise.resolve(own.map(blockOf))
      }
      chunks.push({ firstSeq, range: null, read })
    }
    return chunks
  }
}

function blockOf(event: SystemEvent): LogBlock {
  const { timeMs, seq } = event
  return { timeMs, firstSeq: seq, count: 1, entries: () => [entryOf(event)] }
}

function entryOf({ message, ...event }: SystemEvent): EventLogEntry {
  const code = event.code === null ? '' : ` ${event.code}`
  return { kind: 'event', ...event, line: `${event.type}${code} ${message}` }
}
