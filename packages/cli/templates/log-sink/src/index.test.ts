import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogEntry, LogSink } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { logSinkContract } from '@p2p-playground/testkit/contracts'
import { afterAll, expect, it } from 'vitest'
import plugin from './index.js'

const base = mkdtempSync(join(tmpdir(), 'plugin-name-'))
const dirs = new Map<LogSink, string>()

afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})

logSinkContract('plugin-name', {
  create: () => {
    const dir = mkdtempSync(join(base, 'sink-'))
    const sink = plugin.create({
      config: { dir },
      logger: new RecordingLogger(),
      clock: new FakeClock(),
      dataDir: '/nonexistent',
    })
    dirs.set(sink, dir)
    return sink
  },
  stored: (sink) => {
    const dir = dirs.get(sink) ?? ''
    return readdirSync(dir).flatMap((name) =>
      readFileSync(join(dir, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as LogEntry),
    )
  },
})

it('refuses configuration that it does not know', async () => {
  const { issues } = await plugin.config['~standard'].validate({ dri: '/tmp' })
  expect(issues).toHaveLength(1)
})
