import { setTimeout as delay } from 'node:timers/promises'
import { Flags } from '@oclif/core'
import type { FleetResult, NodeSummary } from '@p2p-playground/core'
import { BaseCommand, nodeFlags } from '../../base-command.js'
import { harmless, paintState, table } from '../../format.js'
import { leftOut } from '../../left-out.js'
import { LiveView } from '../../live-view.js'
import { percent } from '../../usage-view.js'

const LOOK_MS = 2000

export default class NodeList extends BaseCommand {
  static override summary = 'List the nodes.'
  static override description =
    'Nodes that were seen before and do not answer are listed as down, those that answer nothing to this machine as refused, with the reason. With --labels they are left out, and a warning names them.'
  static override examples = [
    '<%= config.bin %> node list',
    '<%= config.bin %> node list --labels env=test --json',
    '<%= config.bin %> node list --watch',
  ]
  static override flags = {
    ...nodeFlags,
    watch: Flags.boolean({
      char: 'w',
      description: 'Show them anew every 2s, until Ctrl-C or --timeout; --json: one list a line.',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeList)
    const control = await this.control(flags)
    const list = async (): Promise<FleetResult<NodeSummary>> =>
      control.listNodes(this.selector(flags), this.signal)
    if (flags.watch) {
      await this.#watch(list, flags.json)
      return
    }
    const { items, failures } = await list()
    this.#warn(leftOut(failures))
    if (flags.json) this.printJson(items)
    else this.log(await nodeTable(items))
  }

  async #watch(list: () => Promise<FleetResult<NodeSummary>>, json: boolean): Promise<void> {
    const view = new LiveView(process.stdout)
    let warned = ''
    try {
      for (;;) {
        const { items, failures } = await list()
        const warning = leftOut(failures)
        if (json) {
          if (warning !== warned) this.#warn(warning)
          warned = warning
          this.log(JSON.stringify(items))
        } else view.show([await nodeTable(items), harmless(warning)].join('\n\n').trimEnd())
        await delay(LOOK_MS, undefined, { signal: this.signal })
      }
    } catch (error) {
      // Ctrl-C, or the end of --timeout, is how watching ends.
      if (!this.signal.aborted) throw error
    }
  }

  #warn(warning: string): void {
    if (warning !== '') this.warning(warning)
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
