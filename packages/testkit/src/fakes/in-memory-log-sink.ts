import { PlaygroundError } from '@p2p-playground/core'
import type { LogBatch, LogEntry, LogSink, PluginLifecycle } from '@p2p-playground/core'

/** How the far side of an `InMemoryLogSink` is: `slow` takes what it is sent and never answers. */
export type FarSideMood = 'well' | 'refuses' | 'denies' | 'down' | 'slow'

interface FarSide {
  mood: FarSideMood
  readonly batches: Map<string, LogBatch>
}

/** Keeps batches; one that comes again is dropped by its id. */
export class InMemoryLogSink implements LogSink, PluginLifecycle {
  readonly #farSide: FarSide
  #isClosed = false

  /** `before` is the sink of an earlier daemon: both have one far side. */
  constructor(before?: InMemoryLogSink) {
    this.#farSide =
      before === undefined
        ? { mood: 'well', batches: new Map<string, LogBatch>() }
        : before.#farSide
  }

  /** Of its far side. */
  get mood(): FarSideMood {
    return this.#farSide.mood
  }

  set mood(mood: FarSideMood) {
    this.#farSide.mood = mood
  }

  get entries(): LogEntry[] {
    return [...this.#farSide.batches.values()].flatMap((batch) => batch.entries)
  }

  async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#isClosed) throw new PlaygroundError('SINK_UNAVAILABLE', 'the sink is closed')
    const { mood, batches } = this.#farSide
    switch (mood) {
      case 'well':
        batches.set(batch.id, batch)
        return Promise.resolve()
      case 'refuses':
        throw new PlaygroundError('SINK_REFUSED', 'the far side will not take it')
      case 'denies':
        throw new PlaygroundError('SINK_DENIED', 'the far side takes nothing from us')
      case 'down':
        throw new PlaygroundError('SINK_UNAVAILABLE', 'the far side is down')
      case 'slow':
        return aborted(signal)
      default:
        return mood satisfies never
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    return Promise.resolve()
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener(
    'abort',
    () => {
      reject(signal.reason as Error)
    },
    { once: true },
  )
  return promise
}
