import { PlaygroundError, formatDuration } from '@p2p-playground/core'
import type { Clock, Heartbeat, NodeEvent } from '@p2p-playground/core'
import { callError } from './call-error.js'
import { pause } from './followed.js'
import { nodeOf, summaryOf } from './known-node.js'
import type { KnownNode } from './known-node.js'
import { changesBetween } from './node-changes.js'

/** A node that was not heard of for so long is down. */
const DOWN_MS = 15_000

export interface NodeWatchOptions {
  readonly one: KnownNode
  /** The node's heartbeats; ends or throws when they are cut. */
  readonly open: (signal: AbortSignal) => AsyncIterable<Heartbeat>
  /** Called before each try to reach it again: it may have moved. */
  readonly refresh: () => Promise<void>
  readonly clock: Clock
  readonly emit: (event: NodeEvent) => void
}

/**
 * Turns the heartbeats of one node into events: first how it is, then up, down and changed. A cut stream is opened again
 * after a growing pause; that alone says nothing, only 15 s without a heartbeat do.
 */
export class NodeWatch {
  readonly #options: NodeWatchOptions
  #one: KnownNode
  #state: 'unknown' | 'up' | 'down' = 'unknown'
  #last: Heartbeat | undefined
  #failure: string | undefined
  #stream: AbortController | undefined
  #patience: AbortController | undefined

  constructor(options: NodeWatchOptions) {
    this.#options = options
    this.#one = options.one
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, refresh, open } = this.#options
    if (this.#one.info === undefined) this.#becomeDown(this.#one.failure?.message)
    else this.#waitForBeat(signal)
    let misses = 0
    while (await pause(misses, { clock, signal })) {
      const stream = new AbortController()
      this.#stream = stream
      if (this.#state === 'down') this.#waitForBeat(signal)
      try {
        if (misses > 0) await refresh()
        for await (const beat of open(AbortSignal.any([signal, stream.signal]))) {
          misses = 0
          this.#heard(beat)
          this.#waitForBeat(signal)
        }
      } catch (error) {
        if (!stream.signal.aborted) this.#failure = callError(error).message
      }
      misses += 1
    }
  }

  #heard(beat: Heartbeat): void {
    const before = this.#last
    const changes = before === undefined ? [] : changesBetween(before, beat)
    this.#last = beat
    this.#failure = undefined
    this.#one = { ...this.#one, name: beat.node.name, info: beat.node, failure: undefined }
    if (this.#state === 'up') {
      if (changes.length > 0) this.#tell('node-changed', changes.join('; '))
      return
    }
    this.#state = 'up'
    this.#tell('node-up', [before === undefined ? 'up' : 'up again', ...changes].join('; '))
  }

  /** Anew from now on. */
  #waitForBeat(signal: AbortSignal): void {
    this.#patience?.abort()
    const patience = new AbortController()
    this.#patience = patience
    this.#options.clock.sleep(DOWN_MS, AbortSignal.any([signal, patience.signal])).then(
      () => {
        const why = this.#failure === undefined ? '' : `: ${this.#failure}`
        if (this.#state !== 'down')
          this.#becomeDown(`no heartbeat for ${formatDuration(DOWN_MS)}${why}`)
        // Whatever is open is dead, even if nobody has told us.
        this.#stream?.abort()
      },
      // One came, or nobody watches any more.
      () => undefined,
    )
  }

  #becomeDown(why: string | undefined): void {
    const reason = why ?? 'it does not answer'
    this.#state = 'down'
    const failure = new PlaygroundError('NODE_UNREACHABLE', reason)
    this.#one = { ...this.#one, info: undefined, failure, latencyMs: null }
    this.#tell('node-down', reason)
  }

  #tell(type: NodeEvent['type'], message: string): void {
    this.#options.emit({
      type,
      timeMs: this.#options.clock.now(),
      ...nodeOf(this.#one),
      message,
      summary: summaryOf(this.#one),
      instances: this.#last?.instances ?? [],
    })
  }
}
