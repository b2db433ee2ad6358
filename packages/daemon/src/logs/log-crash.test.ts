import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { bundled } from './bundled.test.support.js'
import { KEY, storeFixture, temporaryDir } from './log-fixture.test.support.js'

const LINES = 20_000
const MAX_KILLS = 40
/** Segments of 256 KiB: some begin while the collector is being killed. */
const CAP_BYTES = 8 * 256 * 1024

/** Collects until it is killed. */
const COLLECTOR = `
import { LogStore } from './log-store.mjs'
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }
const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}
const [rootDir, app, version] = process.argv.slice(2)
const store = new LogStore({
  rootDir, node: 'node-1', clock, logger: silent, maxBytesPerApp: ${String(CAP_BYTES)}, maxAgeMs: Infinity, redact: [],
})
await store.open({ app, version }, { secrets: [] })
process.stdout.write('open')
`

/** Numbers its lines over both streams, and writes many of them in two parts. */
const WRITER = `
import { openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
const [stdout, stderr] = process.argv.slice(2).map((path) => openSync(path, 'a'))
for (let number = 1; number <= ${String(LINES)}; number += 1) {
  const line = 'line ' + number + ' ' + 'ü漢🙂'.repeat(number % 9) + ' end\\n'
  const bytes = Buffer.from(line)
  const fd = number % 3 === 0 ? stderr : stdout
  const half = number % 5 === 0 ? Math.floor(bytes.length / 2) : bytes.length
  writeSync(fd, bytes, 0, half)
  if (number % 400 === 0) await delay(20)
  if (half < bytes.length) writeSync(fd, bytes, half)
}
`

function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

it('stores every line once and whole, however often the collector is killed', async () => {
  const programs = temporaryDir()
  await bundled('log-store.ts', programs, 'log-store.mjs')
  writeFileSync(join(programs, 'collector.mjs'), COLLECTOR)
  writeFileSync(join(programs, 'writer.mjs'), WRITER)
  const { store, rootDir, open, read } = storeFixture({ maxBytesPerApp: CAP_BYTES })
  const { stdoutPath, stderrPath } = await open()
  await store.finish(KEY)

  const writer = start([join(programs, 'writer.mjs'), stdoutPath, stderrPath])
  const written = once(writer, 'exit')
  let kills = 0
  while (kills < MAX_KILLS && (kills < 5 || writer.exitCode === null)) {
    const collector = start([join(programs, 'collector.mjs'), rootDir, KEY.app, KEY.version])
    await once(collector.stdout ?? collector, 'data')
    await delay(Math.random() * 60)
    collector.kill('SIGKILL')
    await once(collector, 'exit')
    kills += 1
  }
  await written
  await store.close()

  const after = storeFixture({ rootDir, maxBytesPerApp: CAP_BYTES })
  await after.open()
  await after.store.finish(KEY)
  const entries = await after.read()
  expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, index) => index + 1))
  const torn = entries.filter(({ line }) => !/^line \d+ (?:ü漢🙂)* end$/.test(line))
  expect(torn).toEqual([])
  const numbersOf = (stream: string): number[] =>
    entries.filter((entry) => entry.stream === stream).map(({ line }) => Number(line.split(' ')[1]))
  const all = Array.from({ length: LINES }, (_, index) => index + 1)
  expect(numbersOf('stdout')).toEqual(all.filter((number) => number % 3 !== 0))
  expect(numbersOf('stderr')).toEqual(all.filter((number) => number % 3 === 0))
  expect(after.store.dropped(KEY.app)).toEqual({ [KEY.version]: 0 })
  expect(await read()).toHaveLength(LINES)
  expect(kills).toBeGreaterThanOrEqual(5)
}, 60_000)
