import { Args } from '@oclif/core'
import { AppChangeCommand, nodeFlags } from '../../app-command.js'
import { parseAppName } from '../../app-target.js'

export default class AppUnpin extends AppChangeCommand {
  static override summary = 'Let "stable" mean the last version that passed its trial again.'
  static override examples = ['<%= config.bin %> app unpin hello']
  static override args = { app: Args.string({ description: 'App.', required: true }) }
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppUnpin)
    const items = await this.order(
      { action: 'untag', tag: 'stable', app: parseAppName(args.app) },
      flags,
    )
    if (flags.json) this.printJson(items)
    else this.log(`unpinned ${args.app}`)
  }
}
