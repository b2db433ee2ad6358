import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex, Writable } from 'node:stream'
import {
  PlaygroundError,
  errorMessage,
  isPlaygroundError,
  untilAborted,
} from '@p2p-playground/core'
import type { RunSpec } from '@p2p-playground/core'
import type { Place } from './confinement.js'
import { toldEnvironment } from './environment.js'
import { signalProcess } from './kill.js'
import { findProcesses, readStat } from './proc.js'
import type { Bubblewrap } from './sandbox/bubblewrap.js'
import { MARK } from './unconfined.js'
import type { Setpriv } from './user.js'
import { BEGIN, ENTER, LAUNCH, WRAPPER } from './wrapper.js'

/** The processes of a program that is about to begin. */
export interface Launched {
  /** The program's own. */
  readonly pid: number
  readonly startTicks: number
  readonly wrapperPid: number
  readonly wrapperStartTicks: number
  readonly groupPid: number
  readonly groupStartTicks: number
  readonly helperPids: readonly number[]
}

interface LaunchRequest {
  readonly spec: RunSpec
  readonly runId: string
  readonly place: Place
  readonly sandbox: Bubblewrap | undefined
  readonly setpriv: Setpriv
}

const SHELL = '/bin/sh'
/** Of the processes before the program. */
const WRAPPER_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
const script = (program: string): string[] => ['-c', program, 'p2p-playground-run']

/** Starts the program inside its place, once `placed` has returned. @throws RUNTIME_SPAWN, and what `placed` throws */
export async function launch(
  request: LaunchRequest,
  placed: (launched: Launched) => void,
  signal: AbortSignal,
): Promise<void> {
  const { spec, runId } = request
  const environment = toldEnvironment({ ...spec.env, [MARK]: runId })
  const [stdout, stderr] = [await openOutput(spec.stdoutPath), await openOutput(spec.stderrPath)]
  try {
    if (spec.user !== undefined) {
      // So that /dev/stdout can be opened by whom the program runs as.
      for (const file of [stdout, stderr]) await file.chown(spec.user.uid, spec.user.gid)
    }
    const child = spawnWrapper(request, stdout, stderr)
    const talk = child.stdio[3] as Duplex
    try {
      const pid = await awaitReady(child, talk, signal)
      const wrapperPid = child.pid ?? 0
      const launched =
        request.sandbox === undefined
          ? withoutSandbox(wrapperPid, pid)
          : inSandbox(wrapperPid, await readFile(reportPath(spec), 'latin1'))
      placed(launched)
      await say(talk, environment)
      child.unref()
    } finally {
      talk.destroy()
    }
  } catch (cause) {
    signal.throwIfAborted()
    if (isPlaygroundError(cause)) throw cause
    const message = `cannot run ${spec.command[0]}: ${errorMessage(cause)}`
    throw new PlaygroundError('RUNTIME_SPAWN', message, { cause })
  } finally {
    await stdout.close()
    await stderr.close()
  }
}

async function openOutput(path: string): Promise<FileHandle> {
  return open(path, 'a', 0o600)
}

/** Where bwrap tells of itself. */
function reportPath(spec: RunSpec): string {
  return join(spec.runDir, 'sandbox.json')
}

function spawnWrapper(
  { spec, runId, place, sandbox, setpriv }: LaunchRequest,
  stdout: FileHandle,
  stderr: FileHandle,
): ChildProcess {
  const { rootDir, workDir, hiddenDirs, hiddenFiles = [], user } = spec
  const view = { rootDir, workDir, hiddenDirs, hiddenFiles, changesUser: user !== undefined }
  const args = [
    ...[...script(WRAPPER), spec.runDir, place.oomFile ?? ''],
    ...[SHELL, ...script(ENTER), sandbox === undefined ? '' : reportPath(spec)],
    ...[String(place.entrances.length), ...place.entrances],
    ...(sandbox?.command(view) ?? []),
    ...[SHELL, ...script(LAUNCH), ...(user === undefined ? [] : setpriv.command(user))],
    ...[SHELL, ...script(BEGIN), workDir, ...spec.command],
  ]
  const child = spawn(SHELL, args, {
    cwd: workDir,
    env: { PATH: WRAPPER_PATH, [MARK]: runId },
    detached: true,
    stdio: ['ignore', stdout.fd, stderr.fd, 'pipe', sandbox === undefined ? 'ignore' : 'pipe'],
  })
  if (sandbox !== undefined) {
    const filter = child.stdio[4] as Writable
    // When bwrap ends before it has read all, what it says on descriptor 3 tells why.
    filter.on('error', () => undefined).end(sandbox.filter())
  }
  return child
}

/** When nobody waits any more, what was spawned ends: the program has not begun, and whatever holds it up may do so for ever. */
async function awaitReady(child: ChildProcess, talk: Duplex, signal: AbortSignal): Promise<number> {
  const ready = listen(child, talk)
  try {
    return await untilAborted(ready, signal)
  } catch (error) {
    if (signal.aborted && child.pid !== undefined) signalProcess(-child.pid, 'SIGKILL')
    throw error
  }
}

/** The pid, in its own process namespace, of the shell that is about to become the program. */
async function listen(child: ChildProcess, talk: Duplex): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let text = ''
  talk.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
    const pid = /^pid (\d+)$[^]*^ready$/m.exec(text)?.[1]
    if (pid !== undefined) resolve(Number(pid))
  })
  talk.once('close', () => {
    const said = text.replace(/^pid \d+$/m, '').trim()
    reject(new Error(said || 'the wrapper ended before the program began'))
  })
  child.once('error', reject)
  return promise
}

function withoutSandbox(wrapperPid: number, pid: number): Launched {
  const wrapperStartTicks = startOf(wrapperPid)
  const wrapper = { wrapperPid, wrapperStartTicks }
  const group = { groupPid: wrapperPid, groupStartTicks: wrapperStartTicks }
  return { pid, startTicks: startOf(pid), ...wrapper, ...group, helperPids: [] }
}

/** `report` is what bwrap wrote: the pid of the first process in its namespace, whose only child waits to begin. */
function inSandbox(wrapperPid: number, report: string): Launched {
  const first = Number(/"child-pid": (\d+)/.exec(report)?.[1])
  const [program] = findProcesses(({ parent }) => parent === first)
  if (program === undefined) throw new Error('the sandbox holds no program')
  return {
    pid: program.pid,
    startTicks: program.startTicks,
    wrapperPid,
    wrapperStartTicks: startOf(wrapperPid),
    // bwrap outside would die of what is meant for the program, so the sandbox is a session of its own.
    groupPid: first,
    groupStartTicks: startOf(first),
    helperPids: [readStat(first)?.parent ?? 0, first],
  }
}

async function say(talk: Duplex, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  talk.once('error', reject)
  talk.end(text, () => {
    resolve(undefined)
  })
  return promise
}

function startOf(pid: number): number {
  return readStat(pid)?.startTicks ?? 0
}
