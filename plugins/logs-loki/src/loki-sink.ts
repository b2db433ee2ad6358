import type { Clock, LogBatch, LogSink, PluginLifecycle } from '@p2p-playground/core'
import { asLate, buildRequests } from './build-requests.js'
import type { LokiConfig } from './config.js'
import { encode } from './encode.js'
import { PushClient } from './push-client.js'
import type { PushAnswer } from './push-client.js'
import { isStored, isTooLate, pushError } from './push-error.js'
import type { PushRequest } from './push-request.js'

/** Pushes to Loki. What was stored before a request fails is dropped there when it comes again, as the same lines. */
export class LokiSink implements LogSink, PluginLifecycle {
  readonly #config: LokiConfig
  readonly #clock: Clock
  #client: Promise<PushClient> | undefined

  constructor(config: LokiConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
  }

  async open(): Promise<void> {
    await this.#connect()
  }

  async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    const { labels, metadata, max_line_size, max_request_size } = this.#config
    const requests = buildRequests(batch.entries, {
      labels,
      metadata,
      maxLineBytes: max_line_size,
      maxRequestBytes: max_request_size,
    })
    for (const request of requests) {
      let answer = await this.#push(request, signal)
      if (isTooLate(answer)) answer = await this.#push(asLate(request), signal)
      if (!isStored(answer)) throw pushError(answer, this.#clock.now())
    }
  }

  async close(): Promise<void> {
    const client = await this.#client
    this.#client = undefined
    client?.close()
  }

  async #push(request: PushRequest, signal: AbortSignal): Promise<PushAnswer> {
    signal.throwIfAborted()
    const client = await this.#connect()
    return client.post(await encode(request, this.#config.encoding), signal)
  }

  async #connect(): Promise<PushClient> {
    this.#client ??= PushClient.create(this.#config)
    try {
      return await this.#client
    } catch (error) {
      this.#client = undefined
      throw error
    }
  }
}
