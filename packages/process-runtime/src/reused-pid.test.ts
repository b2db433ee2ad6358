import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonValue, RunHandle } from '@p2p-playground/core'
import { processesWith, waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isAlive, readStat } from './proc.js'
import { ProcessRuntime } from './process-runtime.js'
import { Unconfined } from './unconfined.js'

const forever = new AbortController().signal

describe('when others have got the numbers of a run that has ended', () => {
  let dir: string
  let strangers: number[]
  const runtime = new ProcessRuntime({ name: 'test', confinement: new Unconfined('a test') })

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2pp-reused-'))
    mkdirSync(join(dir, 'run'))
    strangers = []
  })

  afterEach(() => {
    for (const pid of strangers) process.kill(pid, 'SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })

  /** A run whose program has ended and whose wrapper is gone, and whose end nobody has asked for. */
  async function ended(body: string): Promise<RunHandle> {
    writeFileSync(join(dir, 'app'), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
    const spec = {
      instance: 'app@1.0.0',
      command: [join(dir, 'app')] as const,
      ...{ workDir: dir, rootDir: dir, hiddenDirs: [], runDir: join(dir, 'run') },
      ...{ stdoutPath: join(dir, 'stdout'), stderrPath: join(dir, 'stderr') },
      env: { PATH: '/usr/bin:/bin' },
      limits: {},
      sandbox: 'off' as const,
    }
    const handle = await runtime.start(spec, () => undefined, forever)
    await waitFor('the end', () => !isAlive(Number(handle.data['wrapperPid'])))
    return handle
  }

  /** A session of somebody else; gives the pids of its leader and of a process in it. */
  async function session(then: string): Promise<{ leader: number; member: number }> {
    const args = ['-c', `sleep 1000 >/dev/null & echo $!; ${then}`]
    const child = spawn('/bin/sh', args, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
    const exited = once(child, 'exit')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const member = Number(line.toString('latin1'))
    strangers.push(member)
    const leader = child.pid ?? 0
    if (then === 'wait') strangers.push(leader)
    else await exited
    return { leader, member }
  }

  /** Such a session, whose leader did not begin in the same tick of the kernel's clock as the run. */
  async function laterThan(run: RunHandle): Promise<{ leader: number; member: number }> {
    return waitFor('a later tick', async () => {
      const found = await session('wait')
      return (readStat(found.leader)?.startTicks ?? 0) > run.startTicks && found
    })
  }

  const asOf = (handle: RunHandle, data: Readonly<Record<string, JsonValue>>): RunHandle => ({
    ...handle,
    data: { ...handle.data, ...data },
  })

  it('leaves them alone, and knows how the run ended', async () => {
    const run = await ended('exit 7')
    const { leader, member } = await laterThan(run)
    const handle = asOf(run, { wrapperPid: leader, groupPid: leader })
    const exit = { kind: 'exited', code: 7 }
    expect((await runtime.usage(handle)).processes).toBe(0)
    expect(await runtime.wait(handle, forever)).toEqual(exit)
    expect(await runtime.stop(handle, 100)).toEqual(exit)
    expect([leader, member].map(isAlive)).toEqual([true, true])
  })

  it('leaves them alone by the handle of an earlier version, which has no start times', async () => {
    const run = await ended('exit 7')
    const { leader, member } = await laterThan(run)
    const data = Object.entries({ ...run.data, wrapperPid: leader, groupPid: leader })
    const old = Object.fromEntries(data.filter(([key]) => !key.endsWith('StartTicks')))
    await runtime.wait({ ...run, data: old }, forever)
    expect([leader, member].map(isAlive)).toEqual([true, true])
  })

  it('leaves alone what is older than the run, though its leader is gone', async () => {
    const { leader, member } = await session('exit 0')
    const wrapperStartTicks = (readStat(member)?.startTicks ?? 0) + 1
    const ids = { wrapperPid: leader, groupPid: leader, wrapperStartTicks }
    await runtime.wait(asOf(await ended('exit 7'), ids), forever)
    expect(isAlive(member)).toBe(true)
  })

  it('still ends what the run left in its session without its mark', async () => {
    const mark = `87${String(process.pid)}`
    await runtime.wait(await ended(`/usr/bin/env -i /bin/sleep ${mark} & exit 0`), forever)
    expect(processesWith(mark)).toEqual([])
  })
})
