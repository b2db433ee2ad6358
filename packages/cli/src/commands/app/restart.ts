import { AppChangeCommand, appArgs, nodeFlags } from '../../app-command.js'

export default class AppRestart extends AppChangeCommand {
  static override summary = 'Stop an app and start it again.'

  static override examples = [
    '<%= config.bin %> app restart hello',
    '<%= config.bin %> app restart hello@1.0.0 --node node-1',
  ]
  static override args = appArgs
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppRestart)
    await this.change('restart', args.app, flags)
  }
}
