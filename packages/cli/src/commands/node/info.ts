import { Args } from '@oclif/core'
import { BaseCommand, limitFlag } from '../../base-command.js'
import { age } from '../../format.js'
import { pluginLines } from '../../plugin-view.js'
import { supportLine } from '../../support-view.js'

export default class NodeInfo extends BaseCommand {
  static override summary = 'Show everything about one node.'
  static override description =
    'What it uses now, and over the last hour; --json has every sample of it.'
  static override examples = ['<%= config.bin %> node info node-1']
  static override args = {
    node: Args.string({ description: 'Name or PeerID prefix.', required: true }),
  }
  static override flags = { timeout: limitFlag }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(NodeInfo)
    const info = await (await this.control(flags)).nodeInfo(args.node, this.signal)
    if (flags.json) {
      this.printJson(info)
      return
    }
    const { nodeUsageLines } = await import('../../usage-view.js')
    const { logSinkLines } = await import('../../log-sink-view.js')
    this.log(`${info.name}  ${info.platform}  version ${info.version}  up ${age(info.startedAtMs)}`)
    this.log(`PeerID    ${info.peerId}`)
    for (const address of info.addresses) this.log(`address   ${address}`)
    for (const [key, value] of Object.entries(info.labels)) this.log(`label     ${key}=${value}`)
    this.log(`apps      ${String(info.apps)} of ${String(info.maxApps)}`)
    for (const line of nodeUsageLines(info)) this.log(line)
    this.log(`health    ${info.healthCheckers.join(', ')}`)
    for (const line of logSinkLines(info.logSinks)) this.log(line)
    for (const line of pluginLines(info.plugins)) this.log(line)
    for (const [name, support] of Object.entries(info.runtimes))
      this.log(`runtime   ${supportLine(name, support)}`)
  }
}
