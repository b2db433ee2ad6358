import { readFile } from 'node:fs/promises'
import type { Agent, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { PlaygroundError, errorMessage } from '@p2p-playground/core'
import type { LokiConfig } from './config.js'
import type { EncodedRequest } from './encode.js'

/** An `import` would load `WebSocket` and `fetch` with it, for 1 MB in every daemon. */
const http = process.getBuiltinModule('node:http')

const PUSH_PATH = '/loki/api/v1/push'
/** Of an answer that is read: Loki names each line that it refuses, at some length. */
const MAX_ANSWER_BYTES = 4096

export interface PushAnswer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

/** Posts to one Loki, over connections that it keeps. */
export class PushClient {
  readonly #config: LokiConfig
  readonly #url: URL
  readonly #agent: Agent

  private constructor(config: LokiConfig, ca: string | undefined) {
    this.#config = config
    this.#url = pushUrl(config.url)
    this.#agent =
      this.#url.protocol === 'https:'
        ? new HttpsAgent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) })
        : new http.Agent({ keepAlive: true })
  }

  /** @throws SINK_DENIED when a file that the configuration names cannot be read */
  static async create(config: LokiConfig): Promise<PushClient> {
    const ca = config.ca_file === undefined ? undefined : await readText(config.ca_file)
    const client = new PushClient(config, ca)
    await client.#authorization()
    return client
  }

  /** What the server says; redirects are not followed. @throws SINK_UNAVAILABLE, SINK_DENIED */
  async post({ body, headers }: EncodedRequest, signal: AbortSignal): Promise<PushAnswer> {
    const { tenant } = this.#config
    const sent = {
      ...this.#config.headers,
      ...(tenant === undefined ? {} : { 'x-scope-orgid': tenant }),
      ...(await this.#authorization()),
      ...headers,
      'content-length': body.byteLength,
    }
    try {
      signal.throwIfAborted()
      return await this.#send(body, sent, signal)
    } catch (cause) {
      signal.throwIfAborted()
      const message = `${this.#url.origin} does not answer: ${errorMessage(cause)}`
      throw new PlaygroundError('SINK_UNAVAILABLE', message, { cause })
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  async #authorization(): Promise<Record<string, string>> {
    const { basic_auth, bearer_token, bearer_token_file } = this.#config
    if (basic_auth !== undefined) {
      const { username, password, password_file } = basic_auth
      const secret = password_file === undefined ? (password ?? '') : await readText(password_file)
      return {
        authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`,
      }
    }
    const token = bearer_token_file === undefined ? bearer_token : await readText(bearer_token_file)
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  async #send(
    body: Uint8Array,
    headers: Readonly<Record<string, string | number>>,
    signal: AbortSignal,
  ): Promise<PushAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const send = this.#url.protocol === 'https:' ? httpsRequest : http.request
    const call = send(this.#url, { method: 'POST', headers, agent: this.#agent, signal })
    call.once('response', resolve)
    call.on('error', reject)
    call.end(body)
    const response = await promise
    return {
      status: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'],
      text: await readAnswer(response),
    }
  }
}

function pushUrl(text: string): URL {
  const url = new URL(text)
  if (!url.pathname.endsWith('/push')) {
    url.pathname = `${url.pathname.replace(/\/+$/, '')}${PUSH_PATH}`
  }
  return url
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  // Leaving the loop early destroys the connection: what answers at such length is no Loki.
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part)
    bytes += part.length
    if (bytes >= MAX_ANSWER_BYTES) break
  }
  return Buffer.concat(parts).toString('utf8', 0, MAX_ANSWER_BYTES).trim()
}

async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    const message = `cannot read ${path}: ${errorMessage(cause)}`
    throw new PlaygroundError('SINK_DENIED', message, { cause })
  }
}
