import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'

/** Bytes that an interface has moved since it was made. */
export interface Traffic {
  readonly inBytes: number
  readonly outBytes: number
}

/** What the kernel has counted for this machine. */
export interface NodeCounters {
  /** CPU time of all programs since boot. */
  readonly cpuMs: number
  readonly memoryBytes: number
  readonly diskBytes: number
  readonly interfaces: ReadonlyMap<string, Traffic>
}

/** Linux reports times in 100ths of a second to user space (USER_HZ). */
const TICK_MS = 10

/** `dir` names the disk that counts. Takes less than a millisecond. */
export async function readNodeCounters(dir: string): Promise<NodeCounters> {
  const disk = await statfs(dir)
  return {
    cpuMs: parseCpuMs(readFileSync('/proc/stat', 'utf8')),
    memoryBytes: totalmem() - freemem(),
    diskBytes: (disk.blocks - disk.bfree) * disk.bsize,
    interfaces: parseInterfaces(readFileSync('/proc/net/dev', 'utf8')),
  }
}

/** The time that all CPUs together were busy: neither idle nor waiting for a disk (proc_stat(5)). */
export function parseCpuMs(stat: string): number {
  const fields = /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? []
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields
  // Time of guests is part of user and nice.
  return (user + nice + system + irq + softirq + steal) * TICK_MS
}

/** Lines of /proc/net/dev (proc_pid_net(5)), the loopback left out. */
export function parseInterfaces(text: string): ReadonlyMap<string, Traffic> {
  const found = [...text.matchAll(/^ *([^:\s]+): *(.*)$/gm)].flatMap(([, name = '', rest = '']) => {
    const fields = rest.split(/ +/).map(Number)
    const traffic = { inBytes: fields[0] ?? 0, outBytes: fields[8] ?? 0 }
    return name === 'lo' ? [] : [[name, traffic] as const]
  })
  return new Map(found)
}

/** What moved between two looks. An interface that came, went, or counts anew adds nothing. */
export function trafficBetween(
  before: ReadonlyMap<string, Traffic>,
  after: ReadonlyMap<string, Traffic>,
): Traffic {
  let inBytes = 0
  let outBytes = 0
  for (const [name, now] of after) {
    const then = before.get(name)
    if (then === undefined) continue
    inBytes += Math.max(now.inBytes - then.inBytes, 0)
    outBytes += Math.max(now.outBytes - then.outBytes, 0)
  }
  return { inBytes, outBytes }
}
