import { setTimeout as delay } from 'node:timers/promises'
import { signalProcess } from '@p2p-playground/process-runtime'
import { processesIn } from './cgroup-files.js'

const ROUND_MS = 10

/** Kills all that is in a cgroup: stopped first, so that nothing forks away meanwhile. */
export async function killFrozen(
  dir: string,
  freezer: { readonly freeze: () => void; readonly thaw: () => void },
): Promise<void> {
  while (processesIn(dir).length > 0) {
    freezer.freeze()
    try {
      for (const { pid } of processesIn(dir)) signalProcess(pid, 'SIGKILL')
    } finally {
      freezer.thaw()
    }
    await delay(ROUND_MS)
  }
}
