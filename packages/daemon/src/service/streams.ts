import { LOG_KINDS, LOG_STREAMS, PlaygroundError } from '@p2p-playground/core'
import type { EventFilter, StateStore, SystemEvent } from '@p2p-playground/core'
import { eventToProto, logEntryToProto } from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import type { InstanceTable } from '../engine/instance-table.js'
import { Bell } from '../engine/bell.js'
import type { StoreQuery } from '../logs/log-query.js'
import type { NodeLogs } from '../logs/node-logs.js'

/** What a request asks for. @throws USAGE for a kind or a stream that there is not */
export function logQueryOf(request: node.StreamLogsRequest): StoreQuery {
  const { app, version, stream, grep } = request
  const kinds = request.kinds.map((kind) => knownOf(LOG_KINDS, kind, 'kind of log'))
  return {
    kinds: kinds.length === 0 ? ['app'] : kinds,
    app: app === '' ? undefined : app,
    version: version === '' ? undefined : version,
    sinceMs: numberOf(request.sinceMs),
    untilMs: numberOf(request.untilMs),
    tail: request.tail,
    stream: stream === '' ? undefined : knownOf(LOG_STREAMS, stream, 'stream'),
    grep: grep === '' ? undefined : grep,
    after: {
      ...numbersOf(request.afterSeq, (one) => `${app}@${one}`),
      ...numbersOf(request.after, (source) => source),
    },
  }
}

export async function* streamLogs(
  logs: NodeLogs,
  query: StoreQuery,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<{
  readonly entries: node.LogEntry[]
  readonly position: Record<string, bigint>
  readonly dropped: { readonly source: string; readonly lines: bigint }[]
}> {
  for await (const answer of follow ? logs.follow(query, signal) : logs.query(query)) {
    const { entries, position = {}, dropped = [] } = answer
    yield {
      entries: entries.map(logEntryToProto),
      position: Object.fromEntries(
        Object.entries(position).map(([source, seq]) => [source, BigInt(seq)]),
      ),
      dropped: dropped.map(({ source, lines }) => ({ source, lines: BigInt(lines) })),
    }
  }
}

export interface EventSource {
  readonly table: InstanceTable
  readonly store: StateStore
  /** Whether whoever asks may see what is about an app, or with null about none. */
  readonly canRead: (app: string | null) => boolean
}

export async function* streamEvents(
  { table, store, canRead }: EventSource,
  request: node.StreamEventsRequest,
  signal: AbortSignal,
): AsyncGenerator<{ events: node.Event[] }> {
  const bell = new Bell()
  const stop = table.onEvent(() => {
    bell.ring()
  })
  try {
    let lastSeq = Number(request.afterSeq ?? 0n)
    const readable = (filter: EventFilter): SystemEvent[] => {
      const events = store.events(filter)
      lastSeq = events.at(-1)?.seq ?? lastSeq
      return events.filter(({ app }) => canRead(app))
    }
    const sinceMs = request.sinceMs === undefined ? undefined : Number(request.sinceMs)
    // The newest that can be read may lie far behind the newest.
    const tail = canRead(null) ? request.tail : undefined
    const stored = readable({ sinceMs, afterSeq: lastSeq, tail })
    const history = request.tail === undefined ? stored : newest(stored, request.tail)
    let seen = bell.count
    if (history.length > 0) yield* inMessages(history)
    else lastSeq = store.events({ tail: 1 }).at(-1)?.seq ?? lastSeq
    while (request.follow && !signal.aborted) {
      await bell.after(seen, signal)
      seen = bell.count
      const fresh = readable({ afterSeq: lastSeq })
      yield* inMessages(fresh)
    }
  } finally {
    stop()
  }
}

/** Together they may be too much for one. */
function* inMessages(events: readonly SystemEvent[]): Generator<{ events: node.Event[] }> {
  for (let at = 0; at < events.length; at += EVENTS_PER_MESSAGE)
    yield { events: events.slice(at, at + EVENTS_PER_MESSAGE).map(eventToProto) }
}

const EVENTS_PER_MESSAGE = 500

function newest(events: readonly SystemEvent[], count: number): readonly SystemEvent[] {
  return events.slice(Math.max(events.length - count, 0))
}

function knownOf<Value extends string>(known: readonly Value[], text: string, what: string): Value {
  const found = known.find((value) => value === text)
  if (found !== undefined) return found
  throw new PlaygroundError('USAGE', `there is no ${what} "${text}"`, {
    hint: `There is ${known.join(', ')}.`,
  })
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}

function numbersOf(
  values: Readonly<Record<string, bigint>>,
  nameOf: (key: string) => string,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [nameOf(key), Number(value)]),
  )
}
