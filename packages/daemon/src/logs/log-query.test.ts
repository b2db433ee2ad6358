import { systemClock } from '@p2p-playground/core'
import { RecordingLogger } from '@p2p-playground/testkit'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogStore } from './log-store.js'
import { KEY, write } from './log-fixture.test.support.js'
import type { StoreQuery } from './log-query.js'

/** At each time one line, `VERSION:TIME` with an `e` on stderr. Small segments, so that several are read. */
const WRITTEN: readonly [version: string, timeMs: number, stream: 'stdout' | 'stderr'][] =
  Array.from({ length: 60 }, (_, index) => [
    index % 3 === 0 ? '2.0.0' : '1.0.0',
    1000 + index,
    index % 5 === 0 ? 'stderr' : 'stdout',
  ])
const textOf = ([version, timeMs, stream]: (typeof WRITTEN)[number]): string =>
  `${version}:${String(timeMs)}${stream === 'stderr' ? 'e' : ''}`
const ALL = WRITTEN.map(textOf)
const OF_ONE = WRITTEN.filter(([version]) => version === '1.0.0').map(textOf)
const OF_TWO = WRITTEN.filter(([version]) => version === '2.0.0').map(textOf)
const ERRORS = ALL.filter((text) => text.endsWith('e'))

let rootDir = ''

async function writeAll(): Promise<void> {
  let nowMs = 0
  const clock = { ...systemClock, now: () => nowMs }
  const store = storeOver(clock, 40 * 1024)
  for (const row of WRITTEN) {
    const [version, timeMs, stream] = row
    nowMs = timeMs
    const log = await store.open({ app: KEY.app, version }, { secrets: [] })
    write(stream === 'stdout' ? log.stdoutPath : log.stderrPath, `${textOf(row)}\n`)
    await store.finish({ app: KEY.app, version })
  }
  await store.close()
}

function storeOver(clock = systemClock, maxBytesPerApp = 1024 * 1024): LogStore {
  return new LogStore({
    rootDir,
    node: 'n',
    clock,
    logger: new RecordingLogger(),
    maxBytesPerApp,
    maxAgeMs: Infinity,
    redact: [],
  })
}

async function ask(query: Partial<StoreQuery>): Promise<string[]> {
  const store = storeOver()
  const found: string[] = []
  for await (const { entries } of store.query({ kinds: ['app'], app: KEY.app, ...query })) {
    found.push(...entries.map((entry) => entry.line))
  }
  await store.close()
  return found
}

beforeAll(async () => {
  rootDir = mkdtempSync(join(tmpdir(), 'logs-'))
  await writeAll()
  return () => {
    rmSync(rootDir, { recursive: true, force: true })
  }
})

describe('LogStore.query', () => {
  it.each<[string, Partial<StoreQuery>, string[]]>([
    ['all versions merged by time', {}, ALL],
    ['one version', { version: '1.0.0' }, OF_ONE],
    ['a version that is not there', { version: '9.9.9' }, []],
    ['an app that is not there', { app: 'other' }, []],
    ['since a time, inclusive', { sinceMs: 1050 }, ALL.slice(50)],
    ['until a time, inclusive', { untilMs: 1009 }, ALL.slice(0, 10)],
    ['between two times', { sinceMs: 1010, untilMs: 1019 }, ALL.slice(10, 20)],
    ['before there was anything', { untilMs: 1 }, []],
    ['after there was anything', { sinceMs: 9999 }, []],
    ['the newest few', { tail: 7 }, ALL.slice(-7)],
    ['none', { tail: 0 }, []],
    ['more of the newest than there are', { tail: 1000 }, ALL],
    ['the newest few of one version', { tail: 3, version: '2.0.0' }, OF_TWO.slice(-3)],
    ['one stream', { stream: 'stderr' }, ERRORS],
    ['the newest few of one stream', { stream: 'stderr', tail: 4 }, ERRORS.slice(-4)],
    ['lines with a text', { grep: ':1007' }, ['1.0.0:1007']],
    ['a text that a pattern would take otherwise', { grep: '1.0.0:1.07' }, []],
    ['the newest with a text', { grep: 'e', tail: 2 }, ERRORS.slice(-2)],
    ['the newest few until a time', { untilMs: 1030, tail: 3 }, ALL.slice(28, 31)],
    [
      'what comes after a number',
      { version: '2.0.0', after: { 'hello@2.0.0': 15 } },
      OF_TWO.slice(15),
    ],
    ['after the newest number', { version: '2.0.0', after: { 'hello@2.0.0': 20 } }, []],
    ['after a number of one version', { after: { 'hello@1.0.0': 40 } }, OF_TWO],
    [
      'all at once',
      { version: '1.0.0', stream: 'stdout', sinceMs: 1020, untilMs: 1050, grep: '10', tail: 2 },
      ['1.0.0:1047', '1.0.0:1049'],
    ],
  ])('finds %s', async (_, query, expected) => {
    expect(await ask(query)).toEqual(expected)
  })

  it('gives batches of a bounded size', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'logs-'))
    onTestFinished(() => {
      rmSync(dir, { recursive: true, force: true })
    })
    const store = new LogStore({
      rootDir: dir,
      node: 'n',
      clock: systemClock,
      logger: new RecordingLogger(),
      maxBytesPerApp: 100 * 1024 * 1024,
      maxAgeMs: Infinity,
      redact: [],
    })
    const log = await store.open(KEY, { secrets: [] })
    write(log.stdoutPath, `${'x'.repeat(100_000)}\n`.repeat(10) + 'short\n'.repeat(2000))
    await store.finish(KEY)
    const sizes: number[] = []
    for await (const { entries } of store.query({ kinds: ['app'], app: KEY.app })) {
      expect(entries.length).toBeLessThanOrEqual(500)
      sizes.push(entries.reduce((sum, entry) => sum + entry.line.length, 0))
    }
    await store.close()
    expect(Math.max(...sizes)).toBeLessThan(400_000)
    expect(sizes.reduce((a, b) => a + b)).toBe(1_010_000)
  })
})
