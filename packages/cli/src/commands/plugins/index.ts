import { join } from 'node:path'
import { table } from '../../format.js'
import { PluginsCommand } from '../../plugins-command.js'
import { listed, readManifest } from '../../plugins/plugin-list.js'
import type { ListedPlugin } from '../../plugins/plugin-list.js'

export default class Plugins extends PluginsCommand {
  static override summary = 'List the plugins that are installed.'
  static override description =
    'Those of this home. What the daemon makes of them: "plugins doctor".'
  static override examples = ['<%= config.bin %> plugins', '<%= config.bin %> plugins --json']

  async run(): Promise<void> {
    const { flags } = await this.parse(Plugins)
    const { versionAt } = await import('../../plugins/install-plugin.js')
    const dir = this.home.oclif
    const rows = (
      await Promise.all(
        listed(await readManifest(dir)).map(async (plugin) => {
          const { name } = plugin
          const root = plugin.type === 'link' ? plugin.root : join(dir, 'node_modules', name)
          return { name, version: await versionAt(root), from: fromOf(plugin), root }
        }),
      )
    ).sort((a, b) => (a.name < b.name ? -1 : 1))
    if (flags.json) this.printJson(rows)
    else if (rows.length === 0) this.log('No plugins are installed.')
    else {
      const cells = rows.map(({ name, version, from }) => [name, version ?? 'missing', from])
      this.log(await table(['NAME', 'VERSION', 'FROM'], cells))
    }
  }
}

/** The folder, the file or the URL; the version or tag that was asked for. */
function fromOf(plugin: ListedPlugin): string {
  if (plugin.type === 'link') return plugin.root
  if ('tag' in plugin) return `registry (${plugin.tag})`
  return plugin.url.replace(/^file:tarballs\/[0-9a-f]+-/, 'tarball ')
}
