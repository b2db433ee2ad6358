import type { RunLimits } from '../contracts/runtime.js'
import { formatBytes } from './bytes.js'
import type { NodeResources } from './node.js'

/** What a machine has of what can be limited. */
export type MachineSize = Pick<NodeResources, 'cpus' | 'memoryTotalBytes'>

/** The limits that are more than the machine has, so that they limit nothing; `text` says both amounts. */
export function limitsBeyond(
  { cpuCores = 0, memoryBytes = 0 }: RunLimits,
  { cpus, memoryTotalBytes }: MachineSize,
): readonly { readonly limit: 'cpu' | 'memory'; readonly text: string }[] {
  const cpu = `${String(cpuCores)} cores (it has ${String(cpus)})`
  const memory = `${formatBytes(memoryBytes)} of memory (it has ${formatBytes(memoryTotalBytes)})`
  return [
    ...(cpuCores > cpus ? [{ limit: 'cpu' as const, text: cpu }] : []),
    ...(memoryBytes > memoryTotalBytes ? [{ limit: 'memory' as const, text: memory }] : []),
  ]
}
