import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { systemCode } from '@p2p-playground/core'
import type { ExitStatus } from '@p2p-playground/core'
import { isAlive } from './proc.js'

/** Should the directory's notification get lost, or the wrapper be killed. */
const CHECK_MS = 1000

/** What the wrapper wrote down; undefined while it has not. */
export async function readExit(runDir: string): Promise<ExitStatus | undefined> {
  try {
    return decodeExit(Number.parseInt(await readFile(join(runDir, 'exit'), 'latin1'), 10))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** A shell's status: above 128 it is the number of the signal that killed the program. */
export function decodeExit(status: number): ExitStatus {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)
  return signal === undefined
    ? { kind: 'exited', code: status }
    : { kind: 'signaled', signal: signal[0] }
}

/** Resolves when the record is there, or when both program and wrapper are gone without one. */
export async function awaitExit(
  run: { readonly runDir: string; readonly pid: number; readonly wrapperPid: number },
  isSame: () => boolean,
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
      const gone = !isAlive(run.wrapperPid) && !(isAlive(run.pid) && isSame())
      const exit = await readExit(run.runDir)
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
