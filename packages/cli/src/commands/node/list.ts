import { setTimeout as delay } from 'node:timers/promises'
import { Flags } from '@oclif/core'
import type { NodeSummary } from '@p2p-playground/core'
import { BaseCommand, nodeFlags } from '../../base-command.js'
import { harmless, paintState, table } from '../../format.js'
import { LiveView } from '../../live-view.js'
import { percent } from '../../usage-view.js'

const LOOK_MS = 2000

export default class NodeList extends BaseCommand {
  static override summary = 'List the nodes.'
  static override description =
    'Nodes that were seen before and do not answer are listed as down, those that answer nothing to this machine as refused, with the reason.'
  static override examples = [
    '<%= config.bin %> node list',
    '<%= config.bin %> node list --labels env=test --json',
    '<%= config.bin %> node list --watch',
  ]
  static override flags = {
    ...nodeFlags,
    watch: Flags.boolean({
      char: 'w',
      description: 'Show them anew every 2 s, until Ctrl-C or --timeout; --json: one list a line.',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeList)
    const control = await this.control(flags)
    const list = async (): Promise<readonly NodeSummary[]> =>
      control.listNodes(this.selector(flags), this.signal)
    if (flags.watch) await this.#watch(list, flags.json)
    else if (flags.json) this.printJson(await list())
    else this.log(await nodeTable(await list()))
  }

  async #watch(list: () => Promise<readonly NodeSummary[]>, json: boolean): Promise<void> {
    const view = new LiveView(process.stdout)
    try {
      for (;;) {
        const nodes = await list()
        if (json) this.log(JSON.stringify(nodes))
        else view.show(await nodeTable(nodes))
        await delay(LOOK_MS, undefined, { signal: this.signal })
      }
    } catch (error) {
      // Ctrl-C, or the end of --timeout, is how watching ends.
      if (!this.signal.aborted) throw error
    }
  }
}

async function nodeTable(nodes: readonly NodeSummary[]): Promise<string> {
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
  return table(
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
  )
}

function cpuOf({ cpuCores, resources }: NodeSummary): string {
  return cpuCores === null || resources === null ? '' : percent(cpuCores, resources.cpus)
}

function memoryOf({ resources }: NodeSummary): string {
  if (resources === null) return ''
  const { memoryTotalBytes, memoryFreeBytes } = resources
  return percent(memoryTotalBytes - memoryFreeBytes, memoryTotalBytes)
}
