import { AppChangeCommand, appArgs, nodeFlags } from '../../app-command.js'
import { parseAppTarget } from '../../app-target.js'

export default class AppPin extends AppChangeCommand {
  static override summary = 'Let "stable" mean one version until it is unpinned.'
  static override description =
    'Nodes go back to the pinned version when a new one fails its trial, and keep it however many versions come. Without a version: the active one.'
  static override examples = [
    '<%= config.bin %> app pin hello@1.0.0',
    '<%= config.bin %> app pin hello --node node-1',
  ]
  static override args = appArgs
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppPin)
    const order = { action: 'tag', tag: 'stable', ...parseAppTarget(args.app) } as const
    const items = await this.order(order, flags)
    if (flags.json) this.printJson(items)
    else this.log(`pinned ${args.app}`)
  }
}
