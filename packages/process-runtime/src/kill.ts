import { PlaygroundError, formatDuration, systemCode } from '@p2p-playground/core'
import type { Clock } from '@p2p-playground/core'
import type { ProcessStat } from './proc.js'

const LIMIT_MS = 10_000
const FIRST_PAUSE_MS = 10
const MAX_PAUSE_MS = 500
/** Before what cannot be signaled is taken for somebody else's: a cgroup may have been told to kill it all the same. */
const FOREIGN_ROUNDS = 5

/** Keeps processes from forking away while they are killed. */
export interface Freezer {
  readonly freeze: () => void
  readonly thaw: () => void
}

/**
 * SIGKILL to what `find` gives, until it gives nothing that is ours to kill; gives what is not.
 * @throws RUNTIME_STOP with the processes that are still there ten seconds later
 */
export async function killUntilGone(
  find: () => readonly ProcessStat[],
  { clock, freezer }: { readonly clock: Clock; readonly freezer?: Freezer },
): Promise<readonly ProcessStat[]> {
  const limitMs = clock.monotonic() + LIMIT_MS
  let foreignRounds = 0
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    const found = find()
    if (found.length === 0) return []
    const ours = killOnce(find, freezer)
    foreignRounds = ours.length === 0 ? foreignRounds + 1 : 0
    if (foreignRounds === FOREIGN_ROUNDS) return found
    if (clock.monotonic() >= limitMs) throw staying(ours)
    await clock.sleep(pauseMs)
  }
}

/** Gives those that the signal was meant for and could be sent to. */
function killOnce(
  find: () => readonly ProcessStat[],
  freezer: Freezer | undefined,
): readonly ProcessStat[] {
  freezer?.freeze()
  try {
    return find().filter(({ pid }) => signalProcess(pid, 'SIGKILL'))
  } finally {
    freezer?.thaw()
  }
}

/** A negative pid names a process group. False when it is not ours to signal, such as what changed its user (kill(2), EPERM). */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (systemCode(error) === 'EPERM') return false
    // It ended by itself meanwhile.
    if (systemCode(error) !== 'ESRCH') throw error
  }
  return true
}

/** `12 (sleep), 13 (sh)` */
export function formatProcesses(processes: readonly ProcessStat[]): string {
  return processes.map(({ pid, name }) => `${String(pid)} (${name})`).join(', ')
}

function staying(processes: readonly ProcessStat[]): PlaygroundError {
  return new PlaygroundError(
    'RUNTIME_STOP',
    `still there ${formatDuration(LIMIT_MS)} after SIGKILL: ${formatProcesses(processes)}`,
    {
      hint: 'Such a process waits for a disk or a network file system ("ps" shows state D), and goes when that answers.',
    },
  )
}
