import { sinkErrorOfStatus } from '@p2p-playground/core'
import type { Clock, LogBatch, LogSink } from '@p2p-playground/core'

export interface HttpSinkOptions {
  readonly url: string
  readonly token: string | undefined
  readonly clock: Clock
}

/** So much of what the far side says about a refusal is passed on. */
const REASON_CHARS = 200

/**
 * Posts each batch as JSON lines. `X-Batch-Id` is the same for each try, so that the far side can drop repeats; any 2xx means
 * that it has stored the batch.
 */
export class HttpSink implements LogSink {
  readonly #options: HttpSinkOptions

  constructor(options: HttpSinkOptions) {
    this.#options = options
  }

  async write(batch: LogBatch, signal: AbortSignal): Promise<void> {
    const { url, token, clock } = this.#options
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-ndjson',
        'x-batch-id': batch.id,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: batch.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''),
      redirect: 'manual',
      signal,
    })
    const text = await response.text()
    if (response.ok) return
    throw sinkErrorOfStatus({
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      reason: text.slice(0, REASON_CHARS),
      nowMs: clock.now(),
    })
  }
}
