import { PluginsCommand } from '../../plugins-command.js'

export default class PluginsUpdate extends PluginsCommand {
  static override summary = 'Install the newest versions of the plugins that are installed.'
  static override description =
    'Within the versions that "plugins install" was given. Tarballs and linked folders stay. All are updated, or none.'
  static override examples = ['<%= config.bin %> plugins update']

  async run(): Promise<void> {
    const { flags } = await this.parse(PluginsUpdate)
    const { updatePlugins } = await import('../../plugins/install-plugin.js')
    const changed = await updatePlugins(this.home.oclif, this.signal)
    if (flags.json) {
      this.printJson(changed)
      return
    }
    if (changed.length === 0) this.log('all plugins are up to date')
    for (const { name, from, to } of changed)
      this.log(`updated ${name} ${from ?? 'missing'} → ${to ?? 'missing'}`)
    if (changed.length > 0) this.log('A daemon that runs takes them at its next start.')
  }
}
