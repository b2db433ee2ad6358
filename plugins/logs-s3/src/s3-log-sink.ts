import { errorMessage, logSourceOf } from '@p2p-playground/core'
import type {
  LogBatch,
  LogEntry,
  LogSink,
  PluginContext,
  PluginLifecycle,
} from '@p2p-playground/core'
import type { S3Config } from './config.js'
import { encodeLines } from './encode-lines.js'
import { isObjectKey, objectKey } from './object-key.js'
import type { ObjectStore, PartSizes } from './object-store.js'
import { sinkErrorOf } from './store-error.js'

const MiB = 1024 * 1024
const PART_SIZES: PartSizes = { thresholdBytes: 64 * MiB, partBytes: 16 * MiB }
/** No upload of ours takes as long. */
const STALE_MS = 24 * 60 * 60 * 1000

/** Stores each batch as an object under a key that is made of its lines, so that a second try changes nothing. */
export class S3LogSink implements LogSink, PluginLifecycle {
  /** Each object is paid for, and small ones are slow to read. */
  readonly lingerMs: number
  readonly #context: PluginContext<S3Config>
  readonly #sizes: PartSizes
  readonly #closing = new AbortController()
  #store: Promise<ObjectStore> | undefined
  #sweep: Promise<void> | undefined

  constructor(context: PluginContext<S3Config>, sizes: PartSizes = PART_SIZES) {
    this.lingerMs = context.config.flush_interval
    this.#context = context
    this.#sizes = sizes
  }

  async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    try {
      const store = await this.#loadStore()
      for (const entries of bySource(batch.entries)) {
        const { body, digest } = await encodeLines(entries, signal)
        await store.put(objectKey(this.#context.config.prefix, entries, digest), body, signal)
      }
      // Not in `open`: a node starts also while the store is away.
      this.#sweep ??= this.#abortStale(store)
    } catch (error) {
      signal.throwIfAborted()
      throw sinkErrorOf(error, this.#context.clock.now())
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the sink is closed'))
    await this.#sweep
    // One that could not be loaded was told to whoever wrote.
    const store = await this.#store?.catch(() => undefined)
    store?.close()
  }

  /** The SDK takes time and memory to load: only when there is something to ship. */
  async #loadStore(): Promise<ObjectStore> {
    const { config } = this.#context
    this.#store ??= import('./object-store.js').then(
      (module) => new module.ObjectStore(config, this.#sizes),
    )
    return this.#store
  }

  /** Once: what daemons that were killed left behind. */
  async #abortStale(store: ObjectStore): Promise<void> {
    const { clock, config, logger } = this.#context
    // By the clock that the store notes their beginning with: one of this machine that is ahead would have others' aborted.
    const isOver = (begunMs: number): boolean =>
      begunMs + STALE_MS < clock.now() + store.clockOffsetMs
    try {
      const aborted = await store.abortUploads(
        config.prefix === '' ? '' : `${config.prefix}/`,
        (key, begunMs) => isOver(begunMs) && isObjectKey(config.prefix, key),
        this.#closing.signal,
      )
      if (aborted > 0) logger.info('stale-uploads-aborted', { aborted })
    } catch (error) {
      if (this.#closing.signal.aborted) return
      // Not needed to ship: it may well be that the credentials only let us write.
      logger.info('stale-uploads-unknown', { error: errorMessage(error) })
    }
  }
}

/** Lines that are numbered together, in their order: each goes into an object of its own. */
function bySource(entries: readonly LogEntry[]): LogEntry[][] {
  const groups = Map.groupBy(entries, (entry) =>
    JSON.stringify([entry.node, logSourceOf(entry), entry.kind === 'app' ? entry.instance : '']),
  )
  return [...groups.values()]
}
