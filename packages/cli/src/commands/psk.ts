import { Flags } from '@oclif/core'
import { BaseCommand } from '../base-command.js'

export default class Psk extends BaseCommand {
  static override summary = 'Make a pre-shared key for a private network.'
  static override description =
    'Prints 64 hex characters for p2p.psk. With --swarm-key prints a swarm.key file for p2p.psk_file.'
  static override examples = [
    '<%= config.bin %> psk',
    '<%= config.bin %> psk --swarm-key > swarm.key',
  ]
  static override flags = {
    'swarm-key': Flags.boolean({ description: 'In the format of libp2p swarm.key files.' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Psk)
    const { formatSwarmKey, generatePsk } = await import('@p2p-playground/core/config')
    const psk = generatePsk()
    const hex = Buffer.from(psk).toString('hex')
    if (flags.json) this.printJson({ psk: hex })
    else this.log(flags['swarm-key'] ? formatSwarmKey(psk).trimEnd() : hex)
  }
}
