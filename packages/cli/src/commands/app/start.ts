import { AppChangeCommand, appArgs, nodeFlags } from '../../app-command.js'

export default class AppStart extends AppChangeCommand {
  static override summary = 'Start an app.'
  static override description = 'A version beside the active one starts with app@version.'
  static override examples = [
    '<%= config.bin %> app start hello',
    '<%= config.bin %> app start hello@1.0.0 --node node-1',
  ]
  static override args = appArgs
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppStart)
    await this.change('start', args.app, flags)
  }
}
