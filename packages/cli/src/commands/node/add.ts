import { Args } from '@oclif/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { BaseCommand, limitFlag } from '../../base-command.js'

export default class NodeAdd extends BaseCommand {
  static override summary = 'Add a node by its address.'
  static override description =
    'For nodes that mDNS does not find. "daemon status" on that machine prints its addresses.'
  static override examples = ['<%= config.bin %> node add /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…']
  static override args = {
    address: Args.string({ description: 'Multiaddr that ends in /p2p/PEERID.', required: true }),
  }
  static override flags = { timeout: limitFlag }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(NodeAdd)
    if (!args.address.startsWith('/')) {
      throw new PlaygroundError('NODE_ADDRESS', `"${args.address}" is not a multiaddr`, {
        hint: 'Write /ip4/192.0.2.7/tcp/4001/p2p/PEERID; "daemon status" on that machine prints it.',
      })
    }
    const added = await (await this.control(flags)).addNode(args.address, this.signal)
    if (flags.json) this.printJson(added)
    else this.log(`added ${added.name ?? added.peerId} (${added.peerId})`)
  }
}
