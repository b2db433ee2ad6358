// CPU seconds: what counts where all share the processors, and steadier than the clock when others use them too.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { timed } from './figures.mjs'

/** Of `/proc/PID/stat` (proc(5)): 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
/** A session of sshd is counted when sshd has taken note of its end. */
const SETTLE_MS = 300

/** Milliseconds that `run` takes, what it gives, and the CPU seconds of its processes: our children, and those of `pids`. */
export async function timedCpu(pids, run) {
  const before = cpuSeconds(pids)
  const outcome = await timed(run)
  await delay(SETTLE_MS)
  return { ...outcome, cpu: cpuSeconds(pids) - before }
}

/** User and system time of the children of this process that have ended, and of `pids` and theirs. */
function cpuSeconds(pids) {
  const { endedChildren } = timesOf('self')
  return pids
    .map(timesOf)
    .reduce((sum, { own, endedChildren }) => sum + own + endedChildren, endedChildren)
}

function timesOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name before may hold spaces; fields 14 to 17 are the times.
  const ticks = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
  const [user, system, userOfEnded, systemOfEnded] = ticks.map((one) => one / TICKS_PER_SECOND)
  return { own: user + system, endedChildren: userOfEnded + systemOfEnded }
}
