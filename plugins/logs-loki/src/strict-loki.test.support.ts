import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { decodePush } from './decode-push.test.support.js'
import type { ReceivedEntry, ReceivedStream } from './decode-push.test.support.js'

/** One answer out of turn. */
export interface Fault {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** How many of the lines it keeps all the same, as when the answer of a success is lost: none by default. */
  readonly keeps?: 'all' | 'half'
  /** Cuts the connection instead of answering. */
  readonly cut?: boolean
}

export interface StrictLokiOptions {
  readonly nowMs?: () => number
  /** Asked for each request, counted from 1. */
  readonly fault?: (request: number) => Fault | undefined
  readonly allowStructuredMetadata?: boolean
  readonly maxLineBytes?: number
  readonly maxBodyBytes?: number
  /** What a request must carry, in lower case. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface StoredLine extends ReceivedEntry {
  readonly labels: Readonly<Record<string, string>>
}

interface StoredStream {
  readonly labels: Readonly<Record<string, string>>
  readonly lines: Map<string, StoredLine>
  highest: bigint
}

const HOUR_NS = 3_600_000_000_000n
const FUTURE_NS = 600_000_000_000n
const WEEK_NS = 168n * HOUR_NS

class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * Stands in for Loki with its default limits, where qryn takes nearly anything: refuses what Loki refuses, in its words as far
 * as a client may look at them, stores the other lines of the same request, and drops a line that it has in its stream.
 */
export class StrictLoki {
  readonly streams = new Map<string, StoredStream>()
  /** Per status how often. */
  readonly answers = new Map<number, number>()
  /** Lines that came again. */
  repeated = 0
  requests = 0
  readonly #options: StrictLokiOptions
  #server: Server | undefined
  #port = 0

  constructor(options: StrictLokiOptions = {}) {
    this.#options = options
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.#port)}`
  }

  /** The same port again after `stop`, with all that was stored. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      void this.#serve(request, response)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }

  /** Lines of all streams that have these labels, by time. */
  query(labels: Readonly<Record<string, string>> = {}): StoredLine[] {
    return [...this.streams.values()]
      .filter((stream) =>
        Object.entries(labels).every(([name, value]) => stream.labels[name] === value),
      )
      .flatMap((stream) => [...stream.lines.values()])
      .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Buffer
    try {
      body = await buffer(request)
    } catch {
      // Whoever sent it was killed.
      return
    }
    let status = 204
    let text = ''
    this.requests += 1
    const fault = this.#options.fault?.(this.requests)
    try {
      this.#admit(request, body)
      const streams = decode(request, body)
      if (fault === undefined) this.#push(streams)
      else this.#pushSome(streams, fault.keeps)
    } catch (error) {
      status = error instanceof Refusal ? error.status : 400
      text = error instanceof Error ? error.message : String(error)
    }
    if (fault?.cut === true) {
      request.socket.destroy()
      return
    }
    const answered = fault?.status ?? status
    this.answers.set(answered, (this.answers.get(answered) ?? 0) + 1)
    response.writeHead(answered, fault?.headers).end(fault === undefined ? text : 'out of turn')
  }

  #admit(request: IncomingMessage, body: Buffer): void {
    if (request.method !== 'POST' || request.url !== '/loki/api/v1/push') {
      throw new Refusal(404, '404 page not found')
    }
    for (const [name, value] of Object.entries(this.#options.headers ?? {})) {
      if (request.headers[name] !== value) throw new Refusal(401, `no right ${name}`)
    }
    if (body.length > (this.#options.maxBodyBytes ?? 4 * 1024 * 1024)) {
      throw new Refusal(413, `request body too large: ${String(body.length)} bytes`)
    }
  }

  #pushSome(streams: readonly ReceivedStream[], keeps: Fault['keeps']): void {
    if (keeps === undefined) return
    const part = (stream: ReceivedStream): ReceivedStream => ({
      ...stream,
      entries:
        keeps === 'all'
          ? stream.entries
          : stream.entries.slice(0, Math.ceil(stream.entries.length / 2)),
    })
    this.#push(streams.map(part))
  }

  /** As the distributor and then the ingester: what is wrong is left out, and told of at the end. */
  #push(streams: readonly ReceivedStream[]): void {
    let refusal: Refusal | undefined
    for (const { labels, entries } of streams) {
      const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
      try {
        checkLabels(labels)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        refusal = error
        continue
      }
      for (const entry of entries) {
        try {
          this.#checkEntry(entry, key)
          this.#store(entry, key, labels)
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
          refusal = error
        }
      }
    }
    if (refusal !== undefined) throw refusal
  }

  #checkEntry({ time, line, metadata }: ReceivedEntry, stream: string): void {
    const nowNs = BigInt(this.#options.nowMs?.() ?? Date.now()) * 1_000_000n
    const { maxLineBytes = 256 * 1024, allowStructuredMetadata = true } = this.#options
    const bytes = Buffer.byteLength(line)
    const pairs = Object.entries(metadata)
    const size = pairs.reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0)
    const rules: readonly (readonly [boolean, string])[] = [
      [time < nowNs - WEEK_NS, `entry for stream '${stream}' has timestamp too old`],
      [time > nowNs + FUTURE_NS, `entry for stream '${stream}' has timestamp too new`],
      [
        bytes > maxLineBytes,
        `Max entry size '${String(maxLineBytes)}' bytes exceeded for stream '${stream}' while ` +
          `adding an entry with length '${String(bytes)}' bytes`,
      ],
      [
        pairs.length > 0 && !allowStructuredMetadata,
        `stream '${stream}' includes structured metadata, but this feature is disallowed.`,
      ],
      [size > 64 * 1024, `stream '${stream}' has structured metadata too large`],
      [pairs.length > 128, `stream '${stream}' has too many structured metadata labels`],
      [
        time < (this.streams.get(stream)?.highest ?? 0n) - HOUR_NS,
        `entry with timestamp ${String(time)} ignored, reason: 'entry too far behind', ` +
          `user 'fake', total ignored: 1 out of 1 for stream: ${stream}`,
      ],
    ]
    const broken = rules.find(([isBroken]) => isBroken)
    if (broken !== undefined) throw new Refusal(400, broken[1])
  }

  #store(entry: ReceivedEntry, key: string, labels: ReceivedStream['labels']): void {
    let stream = this.streams.get(key)
    if (stream === undefined) {
      stream = { labels, lines: new Map(), highest: 0n }
      this.streams.set(key, stream)
    }
    const id = `${String(entry.time)} ${entry.line}`
    if (stream.lines.has(id)) this.repeated += 1
    else stream.lines.set(id, { ...entry, labels })
    if (entry.time > stream.highest) stream.highest = entry.time
  }
}

function decode(request: IncomingMessage, body: Buffer): ReceivedStream[] {
  const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
  const streams = decodePush(request.headers['content-type'] ?? '', plain)
  if (streams.length === 0) {
    throw new Refusal(422, 'error at least one valid stream is required for ingestion')
  }
  return streams
}

function checkLabels(labels: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(labels)
  const shown = JSON.stringify(labels)
  if (pairs.length === 0) {
    throw new Refusal(400, 'error at least one label pair is required per stream')
  }
  if (pairs.length > 15) {
    throw new Refusal(400, `entry for stream '${shown}' has ${String(pairs.length)} label names`)
  }
  for (const [name, value] of pairs) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      throw new Refusal(400, `Error parsing labels '${shown}'`)
    }
    if (name.length > 1024) throw new Refusal(400, `stream '${shown}' has label name too long`)
    if (Buffer.byteLength(value) > 2048) {
      throw new Refusal(400, `stream '${shown}' has label value too long`)
    }
  }
}
