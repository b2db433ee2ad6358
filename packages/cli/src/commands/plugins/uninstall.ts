import { resolve } from 'node:path'
import { Args } from '@oclif/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { PluginsCommand } from '../../plugins-command.js'
import { listed, readManifest } from '../../plugins/plugin-list.js'

export default class PluginsUninstall extends PluginsCommand {
  static override aliases = ['plugins:unlink', 'plugins:remove']
  static override summary = 'Take a plugin out again.'
  static override examples = [
    '<%= config.bin %> plugins uninstall @acme/p2p-health-redis',
    '<%= config.bin %> plugins unlink ../p2p-health-redis',
  ]
  static override strict = false
  static override args = {
    plugin: Args.string({
      description: 'Name of the package, or the folder of a linked one; several may be given.',
      default: '.',
    }),
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(PluginsUninstall)
    const { uninstallPlugin } = await import('../../plugins/install-plugin.js')
    const names: string[] = []
    for (const text of argv.map(String)) {
      const name = await this.#nameOf(text)
      await uninstallPlugin(this.home.oclif, name, this.signal)
      names.push(name)
      if (!flags.json) this.log(`uninstalled ${name}`)
      await this.warnIfNamed(name, flags)
    }
    if (flags.json) this.printJson(names)
  }

  /** @throws PLUGIN_NOT_FOUND */
  async #nameOf(text: string): Promise<string> {
    const plugins = listed(await readManifest(this.home.oclif))
    const bare = text.replace(/(?<=.)@[^/]*$/, '')
    const found =
      plugins.find(({ name }) => name === bare) ??
      plugins.find((plugin) => plugin.type === 'link' && plugin.root === resolve(text))
    if (found !== undefined) return found.name
    const { didYouMean } = await import('@p2p-playground/core/closest')
    const names = plugins.map(({ name }) => name)
    throw new PlaygroundError('PLUGIN_NOT_FOUND', `${text} is not installed`, {
      hint: didYouMean(bare, names) ?? 'See "p2p-playground plugins" for what is.',
    })
  }
}
