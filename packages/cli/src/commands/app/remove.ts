import { Flags } from '@oclif/core'
import { AppChangeCommand, appArgsOf, nodeFlags } from '../../app-command.js'

export default class AppRemove extends AppChangeCommand {
  static override summary = 'Stop an app and delete it.'
  static override description =
    'All versions, or one with app@version; when that was the active one, the newest that is left becomes active and is not started. Nodes still refuse older versions afterwards.'
  static override examples = [
    '<%= config.bin %> app remove hello',
    '<%= config.bin %> app remove hello@1.0.0 --node node-1',
    '<%= config.bin %> app remove hello --secure',
  ]
  static override args = appArgsOf('all of them')
  static override flags = {
    ...nodeFlags,
    secure: Flags.boolean({ description: 'Overwrite files and log before they are deleted.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppRemove)
    await this.change('remove', args.app, flags)
  }
}
