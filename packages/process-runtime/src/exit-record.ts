import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { systemCode } from '@p2p-playground/core'
import type { ExitStatus } from '@p2p-playground/core'

/** Should the directory's notification get lost, or the wrapper be killed. */
const CHECK_MS = 1000

/** What a run left on disk. */
export interface RunRecord {
  readonly runDir: string
  /** Of the run; for the message when it went beyond. */
  readonly memoryLimitBytes: number | null
}

/** What the wrapper wrote down; undefined while it has not, to the end. */
export async function readExit(run: RunRecord): Promise<ExitStatus | undefined> {
  try {
    const record = await readFile(join(run.runDir, 'exit'), 'latin1')
    if (!/^end$/m.test(record)) return undefined
    if (!(await hasBegun(run))) return { kind: 'unknown', why: 'the daemon ended before it began' }
    return decodeExit(record, run.memoryLimitBytes)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** False only when it waited for a daemon that was gone; a signal while it was about to begin is an end like any other. */
async function hasBegun({ runDir }: RunRecord): Promise<boolean> {
  try {
    return (await readFile(join(runDir, 'never-began'), 'latin1')) === ''
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true
    throw error
  }
}

/**
 * First a shell's status: above 128 it is the number of the signal that killed the program. Then what the kernel counted
 * in the program's cgroup (memory.events or memory.oom_control).
 */
export function decodeExit(record: string, limitBytes: number | null = null): ExitStatus {
  const status = Number.parseInt(record, 10)
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)
  if (signal === undefined) return { kind: 'exited', code: status }
  const oomKills = Number(/^oom_kill (\d+)$/m.exec(record)?.[1] ?? 0)
  if (signal[0] === 'SIGKILL' && oomKills > 0) return { kind: 'oom', limitBytes }
  return { kind: 'signaled', signal: signal[0] }
}

/** Resolves when the record is there, or when nobody is left who could write one. */
export async function awaitExit(
  run: RunRecord,
  isGone: () => boolean,
  signal: AbortSignal,
): Promise<ExitStatus> {
  const changed = Promise.withResolvers<undefined>()
  let bell = changed
  const ring = (): void => {
    bell.resolve(undefined)
  }
  const watcher = watchDir(run.runDir, ring)
  const timer = setInterval(ring, CHECK_MS)
  signal.addEventListener('abort', ring)
  try {
    for (;;) {
      signal.throwIfAborted()
      const gone = isGone()
      const exit = await readExit(run)
      if (exit !== undefined) return exit
      if (gone)
        return {
          kind: 'unknown',
          why: 'it is gone, and so is what should have recorded how it ended',
        }
      await bell.promise
      bell = Promise.withResolvers<undefined>()
    }
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', ring)
    watcher?.close()
  }
}

function watchDir(dir: string, ring: () => void): ReturnType<typeof watch> | undefined {
  try {
    return watch(dir, ring).on('error', ring)
  } catch (error) {
    // Removed, or no watches left on this machine: the timer still looks.
    if (systemCode(error) !== undefined) return undefined
    throw error
  }
}
