import { AppChangeCommand, START_EXITS, appArgs, nodeFlags, startFlags } from '../../app-command.js'

export default class AppRestart extends AppChangeCommand {
  static override summary = 'Stop an app and start it again.'
  static override description = START_EXITS
  static override examples = [
    '<%= config.bin %> app restart hello',
    '<%= config.bin %> app restart hello@1.0.0 --node node-1',
  ]
  static override args = appArgs
  static override flags = { ...nodeFlags, ...startFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppRestart)
    await this.begin('restart', args.app, flags)
  }
}
