import { PLUGIN_BRAND } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import * as v from 'valibot'
import { expect, it } from 'vitest'
import { lokiConfig } from './config.js'
import plugin from './index.js'

const sinkWith = (config: object) =>
  plugin.create({
    config: v.parse(lokiConfig, config),
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    dataDir: '/nonexistent',
  })

it('is a log sink of the name loki', () => {
  expect(plugin).toMatchObject({ kind: 'log-sink', name: 'loki', [PLUGIN_BRAND]: true })
})

it('opens before Loki is there, and closes twice', async () => {
  const sink = sinkWith({ url: 'http://127.0.0.1:1' })
  await sink.open?.(new AbortController().signal)
  await sink.close?.()
  await sink.close?.()
})

it('does not open when a file that it needs is missing', async () => {
  const sink = sinkWith({ url: 'http://127.0.0.1:1', bearer_token_file: '/nonexistent/token' })
  await expect(sink.open?.(new AbortController().signal)).rejects.toThrow(/nonexistent/)
  await sink.close?.()
})
