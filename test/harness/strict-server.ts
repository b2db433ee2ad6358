import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LogEntry } from '@p2p-playground/core'
import { POISON } from './shipping.js'
import type { StoredLine } from './shipping.js'

/** Of all answers. */
const TROUBLE = 0.3

/**
 * A far side that is as difficult as the strictest: it answers 30 % of the batches with 429 or 5xx, some of those after it has
 * stored them; refuses a batch that has a poisoned line; is away when told to; and notes a batch that has changed between tries.
 */
export class StrictServer {
  /** Of apps, repeats too, as they came. */
  readonly stored: StoredLine[] = []
  /** Of the daemon and of events. */
  readonly others: LogEntry[] = []
  /** Batches that came again with other lines. */
  readonly changed: string[] = []
  /** How often each was given. */
  readonly answers: Record<number, number> = {}
  /** Takes requests and never answers. */
  isStuck = false
  /** Never in trouble. */
  isCalm = false
  readonly #digests = new Map<string, string>()
  #server: Server | undefined
  #port = 0

  get url(): string {
    return `http://127.0.0.1:${String(this.#port)}/`
  }

  /** Comes (back) to where it was. */
  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      void this.#take(request, response)
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    const closed = this.#server === undefined ? undefined : once(this.#server, 'close')
    this.#server?.close()
    this.#server?.closeAllConnections()
    await closed
    this.#server = undefined
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      // The daemon was killed in the middle.
      return
    }
    if (this.isStuck) return
    const { status, headers = {} } = this.#judge(
      String(request.headers['x-batch-id']),
      Buffer.concat(chunks),
    )
    this.answers[status] = (this.answers[status] ?? 0) + 1
    response.writeHead(status, headers).end(status === 400 ? `a line has ${POISON}` : '')
  }

  #judge(
    id: string,
    body: Buffer,
  ): { readonly status: number; readonly headers?: Record<string, string> } {
    const digest = createHash('sha256').update(body).digest('hex')
    const before = this.#digests.get(id)
    if (before !== undefined && before !== digest) this.changed.push(id)
    this.#digests.set(id, digest)
    const dice = this.isCalm ? 1 : Math.random()
    if (dice < TROUBLE / 3)
      return { status: 429, headers: { 'retry-after': dice < 0.08 ? '0' : '1' } }
    if (dice < (TROUBLE / 3) * 2) return { status: 503 }
    const entries = JSON.parse(body.toString('utf8')) as LogEntry[]
    if (entries.some(({ kind, line }) => kind === 'app' && line.includes(` ${POISON} `))) {
      return { status: 400 }
    }
    for (const entry of entries) {
      if (entry.kind === 'app') this.stored.push(entry)
      else this.others.push(entry)
    }
    return { status: dice < TROUBLE ? 500 : 204 }
  }
}
