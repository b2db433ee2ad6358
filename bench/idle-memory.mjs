// (d) Memory and CPU of a daemon that has nothing to do, beside a bare Node.
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { mib, printTable } from './figures.mjs'
import { startFleet } from './fleet.mjs'

/** So long after its start it has settled. */
const IDLE_MS = 20_000
/** Over so long its CPU time is measured: several rounds of everything that it does now and then. */
const CPU_MS = 60_000

export async function idleMemory() {
  console.log('\n## (d) Memory and CPU of an idle daemon (TCP, PSK, mDNS)\n')
  const fleet = await startFleet(1, { listen: '/ip4/0.0.0.0/tcp/0', mdns: true })
  const bare = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1e6)'], {
    stdio: 'ignore',
  })
  try {
    await delay(IDLE_MS)
    const daemon = memoryOf(fleet.statuses[0].pid)
    const node = memoryOf(bare.pid)
    const before = [cpuMsOf(fleet.statuses[0].pid), cpuMsOf(bare.pid)]
    await delay(CPU_MS)
    const [daemonMs, nodeMs] = [
      cpuMsOf(fleet.statuses[0].pid) - before[0],
      cpuMsOf(bare.pid) - before[1],
    ]
    const row = (what, memory, cpuMs) => [
      what,
      mib(memory.privateBytes),
      mib(memory.residentBytes),
      (memory.privateBytes / node.privateBytes).toFixed(1),
      `${((cpuMs / CPU_MS) * 100).toFixed(3)} %`,
    ]
    printTable(
      ['', 'private', 'RSS', 'private against bare Node', 'CPU'],
      [row('daemon', daemon, daemonMs), row(`bare Node ${process.versions.node}`, node, nodeMs)],
    )
  } finally {
    bare.kill()
    await fleet.stop()
  }
}

/** Private_Clean + Private_Dirty and Rss of /proc/PID/smaps_rollup (proc(5)). */
function memoryOf(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const bytes = (name) =>
    Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
  return {
    privateBytes: bytes('Private_Clean') + bytes('Private_Dirty'),
    residentBytes: bytes('Rss'),
  }
}

/** Time that all threads together spent on a CPU: the first field of schedstat, nanoseconds. */
function cpuMsOf(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const read = (task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1')
  return tasks.reduce((sum, task) => sum + Number(read(task).split(' ')[0]), 0) / 1e6
}
