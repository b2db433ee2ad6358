import { statfs } from 'node:fs/promises'
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import type { MachineSize, NodeResources } from '@p2p-playground/core'

export function machineSize(): MachineSize {
  return { cpus: availableParallelism(), memoryTotalBytes: totalmem() }
}

/** What this machine has, now. `dir` names the disk that counts: the one that holds the apps. */
export async function readResources(dir: string): Promise<NodeResources> {
  const disk = await statfs(dir)
  return {
    ...machineSize(),
    memoryFreeBytes: freemem(),
    diskTotalBytes: disk.blocks * disk.bsize,
    diskFreeBytes: disk.bavail * disk.bsize,
    load1: loadavg()[0] ?? 0,
  }
}
