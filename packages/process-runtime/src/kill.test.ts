import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExitStatus } from '@p2p-playground/core'
import { FakeClock, processesWith } from '@p2p-playground/testkit'
import type { RecordedLine } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { killUntilGone } from './kill.js'
import { readStat } from './proc.js'
import type { ProcessStat } from './proc.js'

const NOBODY = 65_534

/** Of a process that has ended: a signal to it is sent, and changes nothing. */
async function statOfEnded(): Promise<ProcessStat> {
  const child = spawn('/bin/sleep', ['1000'])
  await once(child, 'spawn')
  const stat = readStat(child.pid ?? 0)
  child.kill('SIGKILL')
  await once(child, 'exit')
  if (stat === undefined) throw new Error('it was not there')
  return stat
}

describe('killUntilGone', () => {
  it('names what SIGKILL does not end, after ten seconds of ever rarer looks', async () => {
    const clock = new FakeClock()
    const stuck = await statOfEnded()
    let looks = 0
    const find = (): readonly ProcessStat[] => {
      looks += 1
      return [stuck]
    }
    const killing = expect(killUntilGone(find, { clock })).rejects.toMatchObject({
      code: 'RUNTIME_STOP',
      message: `still there 10s after SIGKILL: ${String(stuck.pid)} (sleep)`,
    })
    await clock.advance(11_000)
    await killing
    expect(looks).toBeLessThan(80)
  })

  it('thaws whatever happens', async () => {
    const states: string[] = []
    const freezer = { freeze: () => states.push('frozen'), thaw: () => states.push('thawed') }
    const found = [[await statOfEnded()], 'fails'] as const
    let looks = 0
    const find = (): readonly ProcessStat[] => {
      const one = found[looks++]
      if (one === undefined || one === 'fails') throw new Error('no look')
      return one
    }
    await expect(killUntilGone(find, { clock: new FakeClock(), freezer })).rejects.toThrow(
      'no look',
    )
    expect(states).toEqual(['frozen', 'thawed'])
  })
})

const DIST = join(import.meta.dirname, '../dist/index.js')
/** A daemon that is not root: it runs a program, asks for its end in both ways, and tells. */
const DAEMON = `
import { readFileSync, writeFileSync } from 'node:fs'
import { systemClock } from ${JSON.stringify(import.meta.resolve('@p2p-playground/core'))}
import { ProcessRuntime, Unconfined } from ${JSON.stringify(DIST)}
const [dir, body, way] = process.argv.slice(1)
writeFileSync(dir + '/app', '#!/bin/sh\\n' + body + '\\n', { mode: 0o755 })
const lines = []
const logger = { warn: (event, fields) => lines.push({ event, fields }) }
const runtime = new ProcessRuntime({ name: 'test', confinement: new Unconfined('a test', systemClock), logger })
const signal = new AbortController().signal
const handle = await runtime.start({
  instance: 'app@1.0.0', command: [dir + '/app'], workDir: dir, rootDir: dir, hiddenDirs: [], env: { PATH: '/usr/bin:/bin' },
  stdoutPath: dir + '/stdout', stderrPath: dir + '/stderr', runDir: dir + '/run', limits: {}, sandbox: 'off',
}, () => undefined, signal)
if (way === 'wait') await runtime.wait(handle, signal)
while (way === 'stop' && readFileSync('/proc/' + handle.pid + '/comm', 'utf8') !== 'sleep\\n') await systemClock.sleep(10)
console.log(JSON.stringify({ exit: await runtime.stop(handle, 100), lines }))
process.exit()
`

const why = whyNot()
if (why !== undefined) process.stderr.write(`processes of others are not killed here: ${why}\n`)

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'this needs root'
  const code = `import(${JSON.stringify(DIST)})`
  const { status } = spawnSync(process.execPath, ['-e', code], { uid: NOBODY, gid: NOBODY })
  return status === 0 ? undefined : 'this checkout is closed to other users'
}

describe.skipIf(why !== undefined)('a daemon whose app has become another user', () => {
  const mark = `86${String(process.pid)}`
  let dir: string

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-foreign-'))
    mkdirSync(join(dir, 'run'))
    copyFileSync('/usr/bin/setpriv', join(dir, 'as-root'))
    chmodSync(join(dir, 'as-root'), 0o4755)
    for (const path of [dir, join(dir, 'run')]) chownSync(path, NOBODY, NOBODY)
  })

  afterEach(() => {
    for (const pid of processesWith(`sleep ${mark}`)) process.kill(pid, 'SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })

  function run(body: string, way: 'wait' | 'stop'): { exit: ExitStatus; lines: RecordedLine[] } {
    const args = ['--input-type=module', '-e', DAEMON, dir, body, way]
    const asNobody = { uid: NOBODY, gid: NOBODY, encoding: 'utf8', timeout: 20_000 } as const
    const { stdout, stderr } = spawnSync(process.execPath, args, asNobody)
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as { exit: ExitStatus; lines: RecordedLine[] }
  }
  const asRoot = `./as-root --reuid=0 --clear-groups /bin/sleep ${mark}`
  const untilItSleeps = 'until grep -q sleep /proc/$!/comm; do :; done'

  it('ends the rest, keeps how it ended, and says what stays', () => {
    const told = run(`sleep ${mark} & ${asRoot} & ${untilItSleeps}; exit 3`, 'wait')
    expect(told.exit).toEqual({ kind: 'exited', code: 3 })
    const left = processesWith(`sleep ${mark}`)
    expect(left).toHaveLength(1)
    expect(told.lines[0]).toMatchObject({
      event: 'processes-left',
      fields: { processes: `${String(left[0])} (sleep)` },
    })
  })

  it('says so of the program itself', () => {
    const { exit } = run(`exec ${asRoot}`, 'stop')
    expect(exit).toMatchObject({
      kind: 'unknown',
      why: expect.stringMatching(/^it goes on as another user: \d+ \(sleep\)$/) as string,
    })
  })
})
