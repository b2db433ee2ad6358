import { systemClock } from '@p2p-playground/core'
import type { LogSink } from '@p2p-playground/core'
import { logSinkContract } from '@p2p-playground/testkit/contracts'
import * as v from 'valibot'
import { afterAll, beforeAll, describe } from 'vitest'
import { lokiConfig } from '../../plugins/logs-loki/src/config.js'
import { LokiSink } from '../../plugins/logs-loki/src/loki-sink.js'
import { readBack } from '../../plugins/logs-loki/src/read-back.test.support.js'
import { Qryn, whyNoQryn } from '../harness/qryn.js'
import type { QrynLine } from '../harness/qryn.js'

const noQryn = whyNoQryn()
if (noQryn !== undefined) process.stderr.write(`loki.test.ts: nothing is sent to qryn: ${noQryn}\n`)

/** qryn keeps no structured metadata: it is sent within the line. */
const withMetadata = (lines: readonly QrynLine[]) =>
  lines.map((line) => ({ ...line, metadata: {} }))

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
        return readBack(withMetadata(await qryn.query(`{run="${run}"}`, 0n)))
      },
    })
  })
})
