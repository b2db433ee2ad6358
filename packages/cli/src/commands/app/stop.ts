import { AppChangeCommand, appArgs, nodeFlags } from '../../app-command.js'

export default class AppStop extends AppChangeCommand {
  static override summary = 'Stop an app.'
  static override description = 'SIGTERM, and after ten seconds SIGKILL to whatever is left of it.'
  static override examples = [
    '<%= config.bin %> app stop hello',
    '<%= config.bin %> app stop hello@1.0.0 --node node-1',
  ]
  static override args = appArgs
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppStop)
    await this.change('stop', args.app, flags)
  }
}
