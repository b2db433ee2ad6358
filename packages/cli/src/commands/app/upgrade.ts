import {
  AppChangeCommand,
  START_EXITS,
  appArgsOf,
  nodeFlags,
  startFlags,
} from '../../app-command.js'

export default class AppUpgrade extends AppChangeCommand {
  static override summary = 'Make another version the active one, at once.'
  static override description = `Without a version: the one that waits for its turn, else the highest release. It is on trial: a node goes back by itself when it fails. A version that failed before is tried again. ${START_EXITS}`
  static override examples = [
    '<%= config.bin %> app upgrade hello',
    '<%= config.bin %> app upgrade hello@1.2.0 --node node-1',
    '<%= config.bin %> app upgrade hello@dev --no-wait',
  ]
  static override args = appArgsOf('the one that waits for its turn, else the highest release')
  static override flags = { ...nodeFlags, ...startFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppUpgrade)
    await this.begin('upgrade', args.app, flags)
  }
}
