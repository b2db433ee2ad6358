import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { LogBatch, LogEntry } from '@p2p-playground/core'
import { FakeClock } from '@p2p-playground/testkit'
import * as v from 'valibot'
import { afterEach } from 'vitest'
import { lokiConfig } from './config.js'
import { LokiSink } from './loki-sink.js'
import { StrictLoki } from './strict-loki.test.support.js'
import type { StrictLokiOptions } from './strict-loki.test.support.js'

export const NOW = 1_700_000_000_000
export const HOUR_MS = 3_600_000
export const forever: AbortSignal = new AbortController().signal
const opened: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

export async function lokiWith(options: StrictLokiOptions = {}): Promise<StrictLoki> {
  const loki = new StrictLoki({ nowMs: () => NOW, ...options })
  await loki.start()
  opened.push({ close: async () => loki.stop() })
  return loki
}

export async function sinkTo(loki: StrictLoki, config: object = {}): Promise<LokiSink> {
  const sink = new LokiSink(v.parse(lokiConfig, { url: loki.url, ...config }), new FakeClock(NOW))
  await sink.open()
  opened.push(sink)
  return sink
}

export const app = (patch: Partial<LogEntry> = {}): LogEntry =>
  ({
    kind: 'app',
    timeMs: NOW,
    node: 'n1',
    app: 'hello',
    version: '1.0.0',
    instance: 'i1',
    stream: 'stdout',
    seq: 1,
    line: 'x',
    ...patch,
  }) as LogEntry

export const batchOf = (...entries: LogEntry[]): LogBatch => ({ id: 'b', entries })

/** Takes connections and never says a word. */
export async function silentServer(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push({
    close: async () => {
      await new Promise((resolve) => server.close(resolve))
    },
  })
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
}
