import type { NodeSummary } from '@p2p-playground/core'
import { BaseCommand, nodeFlags } from '../../base-command.js'
import { harmless, paintState, table } from '../../format.js'
import { percent } from '../../usage-view.js'

export default class NodeList extends BaseCommand {
  static override summary = 'List the nodes.'
  static override description =
    'Nodes that were seen before and do not answer are listed as down, with the reason.'
  static override examples = [
    '<%= config.bin %> node list',
    '<%= config.bin %> node list --labels env=test --json',
  ]
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeList)
    const nodes = await (await this.control(flags)).listNodes(this.selector(flags), this.signal)
    if (flags.json) {
      this.printJson(nodes)
      return
    }
    const rows = nodes.map((one) => [
      harmless(one.name ?? '?'),
      paintState(one.state),
      one.peerId.slice(0, 16),
      one.platform ?? '',
      one.apps === null ? '' : String(one.apps),
      cpuOf(one),
      memoryOf(one),
      one.latencyMs === null ? '' : `${one.latencyMs.toFixed(0)} ms`,
      Object.entries(one.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
      harmless(one.reason),
    ])
    this.log(
      await table(
        [
          'NODE',
          'STATE',
          'PEER ID',
          'PLATFORM',
          'APPS',
          'CPU',
          'MEMORY',
          'ANSWERS IN',
          'LABELS',
          'REASON',
        ],
        rows,
      ),
    )
  }
}

function cpuOf({ cpuCores, resources }: NodeSummary): string {
  return cpuCores === null || resources === null ? '' : percent(cpuCores, resources.cpus)
}

function memoryOf({ resources }: NodeSummary): string {
  if (resources === null) return ''
  const { memoryTotalBytes, memoryFreeBytes } = resources
  return percent(memoryTotalBytes - memoryFreeBytes, memoryTotalBytes)
}
