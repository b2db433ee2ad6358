import { appTable } from '../../app-table.js'
import { BaseCommand, nodeFlags } from '../../base-command.js'

export default class AppList extends BaseCommand {
  static override summary = 'List the apps on the nodes.'
  static override examples = [
    '<%= config.bin %> app list',
    '<%= config.bin %> app list --node node-1 --json',
  ]
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(AppList)
    const control = await this.control(flags)
    const { items, failures, answered } = await control.listApps(this.selector(flags), this.signal)
    this.failures(failures, answered)
    if (flags.json) this.printJson(items)
    else
      this.log(
        items.length === 0
          ? 'no apps; bring one with "p2p-playground deploy"'
          : await appTable(items),
      )
  }
}
