import type { NodeEvent } from '@p2p-playground/core'
import { BaseCommand, nodeFlags } from '../../base-command.js'
import { clockTime, harmless, paint, paintState } from '../../format.js'
import { leftOut } from '../../left-out.js'

export default class NodeEvents extends BaseCommand {
  static override summary = 'Show nodes going up and down, and what changes on them, as it happens.'
  static override description =
    'Begins with how each node is. A node that was not heard of for 15s is down. With --labels, nodes that do not answer are left out until they do, and a warning names them. Ends with Ctrl-C or --timeout.'
  static override examples = [
    '<%= config.bin %> node events',
    '<%= config.bin %> node events --labels env=test --json',
  ]
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeEvents)
    const control = await this.control(flags)
    try {
      for await (const followed of control.watchNodes(this.selector(flags), this.signal)) {
        if (followed.kind === 'failure') this.warning(leftOut([followed.failure]))
        if (followed.kind !== 'item') continue
        this.log(flags.json ? JSON.stringify(followed.item) : line(followed.item))
      }
    } catch (error) {
      // Ctrl-C, or the end of --timeout, is how watching ends.
      if (!this.signal.aborted) throw error
    }
  }
}

function line({ type, timeMs, node, message }: NodeEvent): string {
  const state = type.slice('node-'.length)
  const column = paintState(state) + ' '.repeat('changed'.length - state.length)
  return `${paint('dim', clockTime(timeMs))} ${column}  ${paint('cyan', harmless(node))}  ${harmless(message)}`
}
