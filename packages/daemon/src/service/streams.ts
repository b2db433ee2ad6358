import type { LogStream, StateStore, SystemEvent } from '@p2p-playground/core'
import { eventToProto, logEntryToProto } from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import type { InstanceTable } from '../engine/instance-table.js'
import { Bell } from '../engine/bell.js'
import type { LogStore } from '../logs/log-store.js'

export async function* streamLogs(
  logs: LogStore,
  request: node.StreamLogsRequest,
  signal: AbortSignal,
): AsyncGenerator<{ entries: node.LogEntry[] }> {
  const query = {
    app: request.app,
    version: request.version === '' ? undefined : request.version,
    sinceMs: request.sinceMs === undefined ? undefined : Number(request.sinceMs),
    tail: request.tail,
    stream: streamOf(request.stream),
    grep: request.grep === '' ? undefined : request.grep,
    afterSeq: Object.fromEntries(
      Object.entries(request.afterSeq).map(([version, seq]) => [version, Number(seq)]),
    ),
  }
  const batches = request.follow ? logs.follow(query, signal) : logs.query(query)
  for await (const entries of batches) yield { entries: entries.map(logEntryToProto) }
}

export async function* streamEvents(
  table: InstanceTable,
  store: StateStore,
  request: node.StreamEventsRequest,
  signal: AbortSignal,
): AsyncGenerator<{ events: node.Event[] }> {
  const bell = new Bell()
  const stop = table.onEvent(() => {
    bell.ring()
  })
  try {
    let lastSeq = Number(request.afterSeq ?? 0n)
    const show = (events: readonly SystemEvent[]): { events: node.Event[] } => {
      lastSeq = events.at(-1)?.seq ?? lastSeq
      return { events: events.map(eventToProto) }
    }
    const sinceMs = request.sinceMs === undefined ? undefined : Number(request.sinceMs)
    const history = store.events({ sinceMs, tail: request.tail, afterSeq: lastSeq })
    let seen = bell.count
    if (history.length > 0) yield show(history)
    else lastSeq = store.events({ tail: 1 }).at(-1)?.seq ?? lastSeq
    while (request.follow && !signal.aborted) {
      await bell.after(seen, signal)
      seen = bell.count
      const fresh = store.events({ afterSeq: lastSeq })
      if (fresh.length > 0) yield show(fresh)
    }
  } finally {
    stop()
  }
}

function streamOf(text: string): LogStream | undefined {
  return text === 'stdout' || text === 'stderr' ? text : undefined
}
