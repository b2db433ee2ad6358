import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { LogEntry } from '@p2p-playground/core'

/** What it answers instead of storing; `silence` is no answer. */
export type Mood =
  'silence' | { readonly status: number; readonly headers?: Record<string, string> }

/** A server that stores batches by their id. */
export class FarSide {
  /** Undefined: it stores. */
  mood: Mood | undefined
  readonly tokens: (string | undefined)[] = []
  readonly #batches = new Map<string, LogEntry[]>()
  readonly #server = createServer((request, response) => {
    void this.#answer(request, response)
  })

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/logs`
  }

  get entries(): LogEntry[] {
    return [...this.#batches.values()].flat()
  }

  async open(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    this.tokens.push(request.headers.authorization)
    if (this.mood === 'silence') return
    if (this.mood !== undefined) {
      response.writeHead(this.mood.status, this.mood.headers).end('because')
      return
    }
    const lines = body.split('\n').filter((line) => line !== '')
    const entries = lines.map((line) => JSON.parse(line) as LogEntry)
    this.#batches.set(String(request.headers['x-batch-id']), entries)
    response.writeHead(204).end()
  }
}
