import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { LogEntry } from '@p2p-playground/core'

/** Answers a request in place of the store; returns true when it has. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean

/** Keeps what is put and believes everybody: for faults that no real store shows when asked to. */
export class FakeStore {
  readonly objects = new Map<string, Buffer>()
  readonly requests: { readonly method: string; readonly url: string; readonly headers: object }[] =
    []
  fault: Fault = () => false
  readonly #server = createServer((request, response) => {
    void this.#answer(request, response)
  })

  static async start(): Promise<FakeStore> {
    const store = new FakeStore()
    await once(store.#server.listen(0, '127.0.0.1'), 'listening')
    return store
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`
  }

  stored(): LogEntry[] {
    return [...this.objects.values()].flatMap((body) =>
      gunzipSync(body)
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as LogEntry),
    )
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await once(this.#server.close(), 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    this.requests.push({ method, url, headers })
    if (this.fault(request, response)) return
    const parts: Buffer[] = []
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
    const key = url.split('?')[0] ?? ''
    if (method === 'GET') response.end('<ListMultipartUploadsResult/>')
    else if (headers['if-none-match'] === '*' && this.objects.has(key))
      s3Error(412, 'PreconditionFailed')(request, response)
    else {
      this.objects.set(key, Buffer.concat(parts))
      response.end()
    }
  }
}

/** An error as S3 words it. */
export function s3Error(status: number, code: string, headers: Record<string, string> = {}): Fault {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>because</Message></Error>`
  return answer(status, body, { 'content-type': 'application/xml', ...headers })
}

export function answer(status: number, body: string, headers: Record<string, string> = {}): Fault {
  return (request, response) => {
    request.resume()
    response.writeHead(status, headers).end(body)
    return true
  }
}
