import type { LogEntry } from '@p2p-playground/core'

/** A batch is sent as one message. */
const BATCH_LINES = 500
const BATCH_CHARACTERS = 256 * 1024

interface Head {
  readonly source: AsyncGenerator<LogEntry[]>
  batch: readonly LogEntry[]
  at: number
  /** Never goes back, even where the clock was set back: within a source the order stays. */
  keyMs: number
}

/** Merges sources by time into batches of a bounded size; where times are equal, the earlier source comes first. */
export async function* mergeByTime(
  sources: readonly AsyncGenerator<LogEntry[]>[],
): AsyncGenerator<LogEntry[]> {
  const heads: Head[] = []
  for (const source of sources) {
    const head = { source, batch: [], at: 0, keyMs: -Infinity }
    if (await settle(head)) heads.push(head)
  }
  let batch: LogEntry[] = []
  let characters = 0
  while (heads.length > 0) {
    const head = heads.reduce((a, b) => (b.keyMs < a.keyMs ? b : a))
    const entry = head.batch[head.at]
    if (entry !== undefined) {
      batch.push(entry)
      characters += entry.line.length
      head.at += 1
    }
    if (batch.length >= BATCH_LINES || characters >= BATCH_CHARACTERS) {
      yield batch
      batch = []
      characters = 0
    }
    if (!(await settleIfSpent(head))) heads.splice(heads.indexOf(head), 1)
  }
  if (batch.length > 0) yield batch
}

/** Awaits only where there is something to wait for: a log has many lines. */
function settleIfSpent(head: Head): true | Promise<boolean> {
  const entry = head.batch[head.at]
  if (entry === undefined) return settle(head)
  head.keyMs = Math.max(head.keyMs, entry.timeMs)
  return true
}

/** Fetches the next batch; false when the source is at its end. */
async function settle(head: Head): Promise<boolean> {
  for (;;) {
    const next = await head.source.next()
    if (next.done === true) return false
    const first = next.value[0]
    if (first === undefined) continue
    head.batch = next.value
    head.at = 0
    head.keyMs = Math.max(head.keyMs, first.timeMs)
    return true
  }
}
