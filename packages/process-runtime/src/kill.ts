import { setTimeout as delay } from 'node:timers/promises'
import { systemCode } from '@p2p-playground/core'

const ROUND_MS = 20

/** SIGKILL to what `find` gives, until it gives none. */
export async function killUntilGone(find: () => readonly number[]): Promise<void> {
  for (;;) {
    const pids = find()
    if (pids.length === 0) return
    for (const pid of pids) signalProcess(pid, 'SIGKILL')
    await delay(ROUND_MS)
  }
}

/** A negative pid names a process group. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It ended by itself meanwhile.
    if (systemCode(error) !== 'ESRCH') throw error
  }
}
