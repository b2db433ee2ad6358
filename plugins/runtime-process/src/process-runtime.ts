import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { PlaygroundError, errorMessage, systemCode } from '@p2p-playground/core'
import type {
  ExitStatus,
  ResourceUsage,
  RunHandle,
  RunSpec,
  Runtime,
  RuntimeSupport,
} from '@p2p-playground/core'
import { checkProgram } from './check-program.js'
import { awaitExit, readExit } from './exit-record.js'
import { TICKS_PER_SECOND, isAlive, membersOf, readBootId, readStat } from './proc.js'
import { WRAPPER } from './wrapper.js'

const MARK = 'P2P_PLAYGROUND_RUN'
const WHY_NOT = 'the process runtime sets no limits'
/** For the wrapper to write its record once the program is killed. */
const RECORD_MS = 2000
const KILL_ROUND_MS = 20

/** Runs a program as a process group of its own, whose output goes straight to files and which outlives the daemon. */
export class ProcessRuntime implements Runtime {
  async support(): Promise<RuntimeSupport> {
    const not = { enforced: false, why: WHY_NOT } as const
    return Promise.resolve({ cpu: not, memory: not, pids: not })
  }

  async start(spec: RunSpec, signal: AbortSignal): Promise<RunHandle> {
    signal.throwIfAborted()
    await checkProgram(spec.command[0])
    const runId = randomUUID()
    const [stdout, stderr] = [
      await open(spec.stdoutPath, 'a', 0o600),
      await open(spec.stderrPath, 'a', 0o600),
    ]
    try {
      const child = spawn(
        '/bin/sh',
        ['-c', WRAPPER, 'p2p-playground-run', spec.runDir, ...spec.command],
        {
          cwd: spec.workDir,
          env: { ...spec.env, [MARK]: runId },
          detached: true,
          stdio: ['ignore', stdout.fd, stderr.fd, 'pipe'],
        },
      )
      const pid = await readPid(child, spec)
      child.unref()
      const startTicks = readStat(pid)?.startTicks ?? 0
      const data = { wrapperPid: child.pid ?? 0, runDir: spec.runDir, runId }
      return { runtime: 'process', pid, startTicks, bootId: readBootId(), data }
    } finally {
      await stdout.close()
      await stderr.close()
    }
  }

  async adopt(handle: RunHandle): Promise<boolean> {
    return Promise.resolve(isSame(handle) && isAlive(handle.pid))
  }

  async wait(handle: RunHandle, signal: AbortSignal): Promise<ExitStatus> {
    const { runDir, wrapperPid } = dataOf(handle)
    return awaitExit({ runDir, wrapperPid, pid: handle.pid }, () => isSame(handle), signal)
  }

  async stop(handle: RunHandle, graceMs: number): Promise<ExitStatus> {
    const { wrapperPid, runDir } = dataOf(handle)
    if (handle.bootId === readBootId()) {
      if (members(handle).length > 0) {
        signalGroup(wrapperPid, 'SIGTERM')
        await this.#ended(handle, graceMs)
        await killAll(handle, wrapperPid)
        await this.#ended(handle, RECORD_MS)
        await killAll(handle)
      }
    }
    return (await readExit(runDir)) ?? { kind: 'signaled', signal: 'SIGKILL' }
  }

  async usage(handle: RunHandle): Promise<ResourceUsage> {
    const { wrapperPid } = dataOf(handle)
    const all = members(handle).filter((member) => member.pid !== wrapperPid)
    const ticks = all.reduce((sum, member) => sum + member.cpuTicks, 0)
    return Promise.resolve({
      cpuMs: (ticks * 1000) / TICKS_PER_SECOND,
      memoryBytes: all.reduce((sum, member) => sum + member.residentBytes, 0),
      processes: all.length,
    })
  }

  /** Until the record is there, for at most `limitMs`. */
  async #ended(handle: RunHandle, limitMs: number): Promise<void> {
    const limit = AbortSignal.timeout(limitMs)
    try {
      await this.wait(handle, limit)
    } catch (error) {
      if (!limit.aborted) throw error
    }
  }
}

function dataOf(handle: RunHandle): { wrapperPid: number; runDir: string; runId: string } {
  return {
    wrapperPid: Number(handle.data['wrapperPid']),
    runDir: textOf(handle, 'runDir'),
    runId: textOf(handle, 'runId'),
  }
}

function textOf(handle: RunHandle, key: string): string {
  const value = handle.data[key]
  if (typeof value === 'string') return value
  throw new PlaygroundError(
    'STATE_CORRUPT',
    `the handle of process ${String(handle.pid)} has no ${key}`,
  )
}

function isSame(handle: RunHandle): boolean {
  return handle.bootId === readBootId() && readStat(handle.pid)?.startTicks === handle.startTicks
}

function members(handle: RunHandle): ReturnType<typeof membersOf> {
  const { wrapperPid, runId } = dataOf(handle)
  return membersOf(wrapperPid, `${MARK}=${runId}`)
}

/** SIGKILL to every process of the run, until none is left; `spare` lives on. */
async function killAll(handle: RunHandle, spare?: number): Promise<void> {
  for (;;) {
    const left = members(handle).filter((member) => member.pid !== spare)
    if (left.length === 0) return
    for (const member of left) kill(member.pid, 'SIGKILL')
    await delay(KILL_ROUND_MS)
  }
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  kill(-leader, signal)
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It ended by itself meanwhile.
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

/** The pid that the wrapper's child tells before it becomes the program. */
async function readPid(child: ReturnType<typeof spawn>, spec: RunSpec): Promise<number> {
  const pipe = child.stdio[3] as Readable
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  pipe.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    if (text.includes('\n')) resolve(text)
  })
  pipe.once('close', () => {
    reject(new Error('the wrapper ended before the program began'))
  })
  child.once('error', reject)
  try {
    return Number.parseInt(await promise, 10)
  } catch (cause) {
    throw new PlaygroundError(
      'RUNTIME_SPAWN',
      `cannot run ${spec.command[0]}: ${errorMessage(cause)}`,
      { cause },
    )
  } finally {
    pipe.destroy()
  }
}
