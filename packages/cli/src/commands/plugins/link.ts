import { Args, Flags } from '@oclif/core'
import { PluginsCommand } from '../../plugins-command.js'

export default class PluginsLink extends PluginsCommand {
  static override summary = 'Use a plugin from the folder where it is written.'
  static override description =
    'Nothing is copied: a new build counts at once for commands, and for the daemon at its next start. "plugins uninstall" ends it.'
  static override examples = [
    '<%= config.bin %> plugins link',
    '<%= config.bin %> plugins link ../p2p-health-redis',
  ]
  static override args = {
    path: Args.string({ description: 'Folder of the package.', default: '.' }),
  }
  static override flags = {
    install: Flags.boolean({
      description: 'Run "npm install" there when it has not been run yet.',
      default: true,
      allowNo: true,
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PluginsLink)
    const { linkPlugin } = await import('../../plugins/link-plugin.js')
    const options = { install: flags.install, signal: this.signal }
    const linked = await linkPlugin(this.home.oclif, args.path, options)
    const report = await this.reportOf(linked, flags)
    if (flags.json) this.printJson(report)
    else await this.show('linked', report)
  }
}
