import { systemClock } from '@p2p-playground/core'
import type { LogSink } from '@p2p-playground/core'
import { logSinkContract } from '@p2p-playground/testkit/contracts'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lokiConfig } from '../../plugins/logs-loki/src/config.js'
import { LokiSink } from '../../plugins/logs-loki/src/loki-sink.js'
import { readBackAll } from '../../plugins/logs-loki/src/read-back-all.test.support.js'
import { StrictLoki } from '../../plugins/logs-loki/src/strict-loki.test.support.js'
import type { Fault } from '../../plugins/logs-loki/src/strict-loki.test.support.js'
import { Machines } from '../harness/machines.js'
import { Qryn, RUN_QRYN, whyNoQryn } from '../harness/qryn.js'
import type { QrynLine } from '../harness/qryn.js'
import { SHIP_KILLS, SHIP_LINES, shipThrough } from '../harness/shipping.js'
import type { ShippingReport, ShippingSetup, StoredLine } from '../harness/shipping.js'

const SHIPPING_LIMIT_MS = 3_600_000
const sizes = `${String(SHIP_LINES)} lines over ${String(SHIP_KILLS)} kills of the daemon`
const noQryn = whyNoQryn()
if (noQryn !== undefined) process.stderr.write(`loki.test.ts: nothing is sent to qryn: ${noQryn}\n`)
else if (!RUN_QRYN)
  process.stderr.write('loki.test.ts: no daemon ships to qryn without RUN_QRYN=1\n')

/** Three answers of ten, each of which a client of Loki gets to see now and then. */
const TROUBLE: readonly Fault[] = [
  { status: 429, headers: { 'retry-after': '0' } },
  { status: 503 },
  { status: 500, keeps: 'all' },
  { status: 429, keeps: 'half' },
  { status: 502, keeps: 'half', cut: true },
]

async function ship(
  setup: Omit<ShippingSetup, 'machines' | 'sink' | 'plugins'>,
  config: object,
): Promise<ShippingReport> {
  const machines = new Machines()
  const plugins = [{ use: '@p2p-playground/logs-loki', config }]
  try {
    const report = await shipThrough({ ...setup, machines, sink: 'loki', plugins })
    const { tookMs, repeats, status } = report
    process.stderr.write(`${sizes}: ${JSON.stringify({ tookMs, repeats, status })}\n`)
    return report
  } finally {
    await machines.remove()
  }
}

describe('a Loki in trouble', () => {
  it(
    `gets ${sizes}, each once`,
    async () => {
      const random = (request: number): number => ((request * 2_654_435_761) % 2 ** 32) / 2 ** 32
      const loki = new StrictLoki({
        fault: (request) => TROUBLE[Math.floor((random(request) / 0.3) * TROUBLE.length)],
      })
      await loki.start()
      try {
        const report = await ship(
          {
            stored: () => loki.query({ kind: 'app' }).map(storedLine),
            outage: { begin: () => loki.stop(), end: () => loki.start() },
          },
          { url: loki.url },
        )
        process.stderr.write(
          `${JSON.stringify([...loki.answers])}, ${String(loki.repeated)} repeated\n`,
        )
        expect(report).toMatchObject({ missing: [], twice: [], altered: [], repeats: 0 })
        expect(report.status.deadLines).toBe(0)
        expect(loki.query({ kind: 'daemon' }).length).toBeGreaterThan(0)
        expect(loki.query({ kind: 'event' }).length).toBeGreaterThan(0)
      } finally {
        await loki.stop()
      }
    },
    SHIPPING_LIMIT_MS,
  )
})

describe.skipIf(noQryn !== undefined)('qryn', () => {
  let qryn: Qryn
  let runs = 0
  const made: { readonly sink: LokiSink; readonly run: string }[] = []

  beforeAll(async () => {
    qryn = await Qryn.start()
  })

  afterAll(async () => {
    for (const { sink } of made) await sink.close()
    await qryn.stop()
  })

  describe.each(['protobuf', 'json'])('with %s', (encoding) => {
    logSinkContract('loki', {
      create: () => {
        const run = `r${String((runs += 1))}`
        const config = { url: qryn.url, metadata: 'line', encoding, labels: { run } }
        const sink = new LokiSink(v.parse(lokiConfig, config), systemClock)
        made.push({ sink, run })
        return sink
      },
      stored: async (sink: LogSink) => {
        const run = made.find((one) => one.sink === sink)?.run ?? ''
        await qryn.settle()
        const lines = await qryn.query(`{run="${run}"}`, 0n)
        return readBackAll(lines.map((line) => ({ ...line, metadata: {} })))
      },
    })
  })

  it('is asked for the lines of a version, as the documentation has it', async () => {
    const config = v.parse(lokiConfig, { url: qryn.url, metadata: 'line' })
    const sink = new LokiSink(config, systemClock)
    const about = { kind: 'app', timeMs: Date.now(), node: 'n1', app: 'asked', seq: 1 } as const
    for (const version of ['1.0.0', '1.2.0']) {
      const source = {
        version,
        instance: version,
        stream: 'stdout',
        line: `of ${version}`,
      } as const
      await sink.write(
        { id: version, entries: [{ ...about, ...source }] },
        AbortSignal.timeout(9000),
      )
    }
    await sink.close()
    await qryn.settle()
    const lines = await qryn.query('{kind="app", app="asked"} | json | version="1.2.0"', 0n)
    expect(lines.map(({ line }) => JSON.parse(line) as unknown)).toEqual([
      { line: 'of 1.2.0', version: '1.2.0', seq: '1' },
    ])
  })

  it.skipIf(!RUN_QRYN)(
    `gets ${sizes}`,
    async () => {
      const report = await ship(
        {
          stored: () => storedIn(qryn),
          outage: { begin: () => qryn.pause(), end: () => qryn.resume() },
        },
        { url: qryn.url, metadata: 'line' },
      )
      expect(report).toMatchObject({ missing: [], twice: [], altered: [] })
    },
    SHIPPING_LIMIT_MS,
  )
})

/** All lines of apps, page by page. qryn keeps no structured metadata: it lies within the line. */
async function* storedIn(qryn: Qryn): AsyncGenerator<StoredLine> {
  const pageLines = 20_000
  await qryn.settle()
  let startNs = 0n
  for (;;) {
    const page = await qryn.query('{kind="app",app="writer"}', startNs, pageLines)
    const last = page.at(-1)
    const isLast = page.length < pageLines || last === undefined
    const through = isLast ? page : page.filter(({ time }) => time < last.time)
    for (const line of through) yield storedLine(withMetadata(line))
    if (isLast) return
    startNs = last.time
  }
}

function withMetadata({ labels, line }: QrynLine): Parameters<typeof storedLine>[0] {
  const { line: text = '', ...metadata } = JSON.parse(line) as Record<string, string>
  return { labels, line: text, metadata }
}

function storedLine({
  labels,
  metadata,
  line,
}: {
  readonly labels: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, string>>
  readonly line: string
}): StoredLine {
  const { node = '', app = '', instance = '', stream = '' } = labels
  return { node, app, instance, stream, seq: Number(metadata['seq']), line }
}
