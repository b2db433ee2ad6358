import { AppChangeCommand, START_EXITS, appArgs, nodeFlags, startFlags } from '../../app-command.js'

export default class AppStart extends AppChangeCommand {
  static override summary = 'Start an app.'
  static override description = `A version beside the active one starts with app@version. ${START_EXITS}`
  static override examples = [
    '<%= config.bin %> app start hello',
    '<%= config.bin %> app start hello@1.0.0 --node node-1',
  ]
  static override args = appArgs
  static override flags = { ...nodeFlags, ...startFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppStart)
    await this.begin('start', args.app, flags)
  }
}
