import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogEntry, LogSink } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { logSinkContract } from '@p2p-playground/testkit/contracts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import plugin from './index.js'

let base: string
const dirs = new Map<LogSink, string>()

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'plugin-name-'))
})

afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})

const dirOf = (sink: LogSink): string => dirs.get(sink) ?? ''

function sinkAt(dir: string): LogSink {
  const sink = plugin.create({
    config: { dir },
    logger: new RecordingLogger(),
    clock: new FakeClock(),
    dataDir: '/nonexistent',
  })
  dirs.set(sink, dir)
  return sink
}

logSinkContract('plugin-name', {
  create: () => sinkAt(mkdtempSync(join(base, 'sink-'))),
  reopen: (sink) => sinkAt(dirOf(sink)),
  // As when a disk is gone: something else is in the place of the directory.
  down: async (sink, work) => {
    const dir = dirOf(sink)
    renameSync(dir, `${dir}.away`)
    writeFileSync(dir, '')
    try {
      await work()
    } finally {
      rmSync(dir)
      renameSync(`${dir}.away`, dir)
    }
  },
  stored: (sink) => {
    const dir = dirOf(sink)
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
