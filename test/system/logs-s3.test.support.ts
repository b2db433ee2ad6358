import type { IncomingMessage } from 'node:http'
import { systemClock } from '@p2p-playground/core'
import type { Clock, LogBatch, LogEntry, LogSink, PluginLifecycle } from '@p2p-playground/core'
import plugin from '@p2p-playground/logs-s3'
import { RecordingLogger } from '@p2p-playground/testkit'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import { Bucket } from '../harness/bucket.js'
import { startProxy } from '../harness/http-proxy.js'
import type { Passage } from '../harness/http-proxy.js'
import { Machines } from '../harness/machines.js'
import { Radosgw, whyNoRadosgw } from '../harness/radosgw.js'

export const forever: AbortSignal = new AbortController().signal

export type Sink = LogSink & PluginLifecycle

type S3Config = Parameters<typeof plugin.create>[0]['config']

/** Of the test file that imports this. */
export const machines = new Machines()

let prefixes = 0
export const nextPrefix = (): string => `test-${String((prefixes += 1))}`

const lines = (texts: readonly string[], patch: object = {}): LogEntry[] =>
  texts.map((line, index) => ({
    ...{ kind: 'app', timeMs: 1_700_000_000_000 + index, node: 'n1', app: 'app' },
    ...{ version: '1.0.0', instance: 'i1', stream: 'stdout', seq: index + 1, line, ...patch },
  }))

export const batchOf = (texts: readonly string[], patch: object = {}): LogBatch => ({
  id: 'batch',
  entries: lines(texts, patch),
})

export interface Store {
  /** Why the tests are left out; undefined when they are not. */
  readonly why: string | undefined
  readonly server: Radosgw
  readonly bucket: Bucket
  /** Closes it behind the test. */
  readonly keep: (sink: Sink) => Sink
  /** As daemon.yaml would have it. */
  readonly configOf: (patch: object) => Promise<S3Config>
  /** Through what the package ships. */
  readonly sinkOf: (patch?: object, clock?: Clock) => Promise<Sink>
  readonly stored: (prefix: string) => Promise<LogEntry[]>
  readonly withProxy: (
    pass: (request: IncomingMessage, body: Buffer) => Passage,
    work: (endpoint: string) => Promise<void>,
  ) => Promise<void>
}

/** A bucket of radosgw for a file of tests; says, in the name of these, why they are left out. */
export function storeOfFile(tests: string): Store {
  const why = whyNoRadosgw()
  if (why !== undefined) process.stderr.write(`${tests}: left out, ${why}\n`)

  const sinks: Sink[] = []
  let server: Radosgw
  let bucket: Bucket

  beforeAll(async () => {
    if (why !== undefined) return
    server = await Radosgw.start()
    bucket = await Bucket.create(server, 'logs')
  })

  afterEach(async () => {
    vi.useRealTimers()
    vi.unstubAllEnvs()
    for (const sink of sinks.splice(0)) await sink.close?.()
  })

  afterAll(async () => {
    if (why === undefined) await server.remove()
    await machines.remove()
  })

  const keep = (sink: Sink): Sink => {
    sinks.push(sink)
    return sink
  }

  async function configOf(patch: object): Promise<S3Config> {
    const { accessKeyId, secretAccessKey } = server.owner
    const given = {
      bucket: bucket.name,
      endpoint: server.endpoint,
      credentials: { access_key_id: accessKeyId, secret_access_key: secretAccessKey },
      ...patch,
    }
    const result = await plugin.config['~standard'].validate(given)
    if (result.issues !== undefined) throw new Error(JSON.stringify(result.issues))
    return result.value
  }

  async function sinkOf(patch: object = {}, clock: Clock = systemClock): Promise<Sink> {
    const config = await configOf(patch)
    return keep(plugin.create({ config, logger: new RecordingLogger(), clock, dataDir: '/' }))
  }

  async function stored(prefix: string): Promise<LogEntry[]> {
    const entries: LogEntry[] = []
    for await (const entry of bucket.entries(`${prefix}/`)) entries.push(entry)
    return entries
  }

  async function withProxy(
    pass: (request: IncomingMessage, body: Buffer) => Passage,
    work: (endpoint: string) => Promise<void>,
  ): Promise<void> {
    const proxy = await startProxy(server.endpoint, pass)
    try {
      await work(proxy.endpoint)
    } finally {
      await proxy.close()
    }
  }

  return {
    why,
    get server() {
      return server
    },
    get bucket() {
      return bucket
    },
    keep,
    configOf,
    sinkOf,
    stored,
    withProxy,
  }
}
