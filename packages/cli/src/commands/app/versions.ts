import { Args } from '@oclif/core'
import { parseAppName } from '../../app-target.js'
import { BaseCommand, nodeFlags } from '../../base-command.js'
import { age, harmless, paintState, table } from '../../format.js'

export default class AppVersions extends BaseCommand {
  static override summary = 'List the versions of an app that the nodes keep.'
  static override examples = ['<%= config.bin %> app versions hello']
  static override args = { app: Args.string({ description: 'App.', required: true }) }
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppVersions)
    const app = parseAppName(args.app)
    const { items, failures, answered } = await (
      await this.control(flags)
    ).listVersions(app, this.selector(flags), this.signal)
    this.failures(failures, answered)
    if (flags.json) {
      this.printJson(items)
      return
    }
    const { formatBytes } = await import('@p2p-playground/core')
    const rows = items.map((row) => [
      harmless(row.node),
      row.app,
      row.version,
      row.active ? 'active' : '',
      paintState(row.state),
      formatBytes(row.sizeBytes),
      age(row.receivedAtMs),
      row.digest.slice(0, 12),
      row.tags.join(','),
      harmless(row.note),
    ])
    this.log(
      await table(
        ['NODE', 'APP', 'VERSION', '', 'STATE', 'SIZE', 'RECEIVED', 'DIGEST', 'TAGS', 'NOTE'],
        rows,
      ),
    )
  }
}
