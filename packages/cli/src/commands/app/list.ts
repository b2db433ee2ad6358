import { Args } from '@oclif/core'
import { appTable } from '../../app-table.js'
import { parseAppTarget } from '../../app-target.js'
import { BaseCommand, nodeFlags } from '../../base-command.js'
import { nextCommand } from '../../given-home.js'

export default class AppList extends BaseCommand {
  static override summary = 'List the apps on the nodes.'
  static override examples = [
    '<%= config.bin %> app list',
    '<%= config.bin %> app list hello',
    '<%= config.bin %> app list hello@1.0.0 --node node-1 --json',
  ]
  static override args = {
    app: Args.string({ description: 'App, or app@version, or app@tag; default: all.' }),
  }
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppList)
    const query = {
      ...(args.app === undefined ? {} : parseAppTarget(args.app)),
      target: this.selector(flags),
    }
    const control = await this.control(flags)
    const { items, failures, answered } = await control.listApps(query, this.signal)
    this.failures(failures, answered)
    if (flags.json) this.printJson(items)
    else
      this.log(
        items.length === 0
          ? `no apps; bring one with "${nextCommand('deploy')}"`
          : await appTable(items),
      )
  }
}
