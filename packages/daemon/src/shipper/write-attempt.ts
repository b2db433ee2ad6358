import { errorMessage, formatDuration, isPlaygroundError } from '@p2p-playground/core'
import type { Clock, LogBatch, LogSink } from '@p2p-playground/core'

/** What became of one try. */
export type WriteOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'denied'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly askedMs?: number }
  /** The shipper stops; nobody knows whether it was stored. */
  | { readonly kind: 'aborted' }

const MAX_REASON_CHARACTERS = 500

/** One try, over after `limitMs` at the latest, also of a sink that hears no signal. Never throws. */
export async function writeOnce(
  sink: LogSink,
  batch: LogBatch,
  { clock, limitMs }: { readonly clock: Clock; readonly limitMs: number },
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const stop = new AbortController()
  const end = Promise.withResolvers<WriteOutcome>()
  const onAbort = (): void => {
    stop.abort(signal.reason)
    end.resolve({ kind: 'aborted' })
  }
  if (signal.aborted) return { kind: 'aborted' }
  signal.addEventListener('abort', onAbort, { once: true })
  const over = new AbortController()
  const late = async (): Promise<void> => {
    await clock.sleep(limitMs, over.signal)
    const reason = `no answer within ${formatDuration(limitMs)}`
    stop.abort(new Error(reason))
    end.resolve({ kind: 'unavailable', reason })
  }
  late().catch(() => {
    // It was in time.
  })
  write(sink, batch, stop.signal).then(end.resolve, () => {
    end.resolve({ kind: 'unavailable', reason: 'it threw what cannot be read' })
  })
  try {
    return await end.promise
  } finally {
    over.abort()
    signal.removeEventListener('abort', onAbort)
  }
}

async function write(sink: LogSink, batch: LogBatch, signal: AbortSignal): Promise<WriteOutcome> {
  try {
    await sink.write(batch, signal)
    return { kind: 'stored' }
  } catch (error) {
    return outcomeOf(error)
  }
}

function outcomeOf(error: unknown): WriteOutcome {
  const reason = reasonOf(error)
  if (!isPlaygroundError(error)) return { kind: 'unavailable', reason }
  if (error.code === 'SINK_REFUSED') return { kind: 'refused', reason }
  if (error.code === 'SINK_DENIED') return { kind: 'denied', reason }
  // A copy of core that is not ours may have made it.
  const { details } = error as { readonly details?: Readonly<Record<string, unknown>> }
  const asked = details?.['retryAfterMs']
  const isTime = typeof asked === 'number' && asked >= 0
  return { kind: 'unavailable', reason, ...(isTime ? { askedMs: asked } : {}) }
}

/** What `fetch` throws says only in its cause what happened. */
function reasonOf(error: unknown): string {
  const message = errorMessage(error)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
  const text = message.includes(cause) ? message : `${message}: ${cause}`
  return text.slice(0, MAX_REASON_CHARACTERS)
}
