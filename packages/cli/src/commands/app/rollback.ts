import { Args } from '@oclif/core'
import { AppChangeCommand, START_EXITS, nodeFlags, startFlags } from '../../app-command.js'

export default class AppRollback extends AppChangeCommand {
  static override summary = 'Go back to a version that the nodes keep, at once.'
  static override description = `Without a version: the stable one, else the one that was active before. "app versions" lists what there is. ${START_EXITS}`
  static override examples = [
    '<%= config.bin %> app rollback hello',
    '<%= config.bin %> app rollback hello 1.0.0',
    '<%= config.bin %> app rollback hello stable --labels env=test',
  ]
  static override args = {
    app: Args.string({ description: 'App.', required: true }),
    version: Args.string({ description: 'Version or tag.' }),
  }
  static override flags = { ...nodeFlags, ...startFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppRollback)
    const { app, version } = args
    await this.begin('rollback', version === undefined ? app : `${app}@${version}`, flags)
  }
}
