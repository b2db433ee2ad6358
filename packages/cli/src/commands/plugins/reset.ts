import { createInterface } from 'node:readline/promises'
import { Flags } from '@oclif/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { PluginsCommand } from '../../plugins-command.js'
import { listed, readManifest } from '../../plugins/plugin-list.js'

export default class PluginsReset extends PluginsCommand {
  static override summary = 'Take all plugins of this home out again.'
  static override description = 'Folders of linked plugins stay as they are.'
  static override examples = [
    '<%= config.bin %> plugins reset',
    '<%= config.bin %> plugins reset --yes',
  ]
  static override flags = {
    yes: Flags.boolean({ char: 'y', description: 'Do not ask.' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(PluginsReset)
    const names = listed(await readManifest(this.home.oclif)).map(({ name }) => name)
    if (names.length > 0) {
      if (!flags.yes && !(await this.#confirmed(names, flags.json))) return
      const { resetPlugins } = await import('../../plugins/install-plugin.js')
      await resetPlugins(this.home.oclif)
    }
    if (flags.json) this.printJson(names)
    else if (names.length === 0) this.log('No plugins are installed.')
    for (const name of names) {
      if (!flags.json) this.log(`uninstalled ${name}`)
      await this.warnIfNamed(name, flags)
    }
  }

  /** @throws USAGE where nobody can answer */
  async #confirmed(names: readonly string[], isJson: boolean): Promise<boolean> {
    const what = `${String(names.length)} plugin${names.length === 1 ? '' : 's'}: ${names.join(', ')}`
    if (isJson || !process.stdin.isTTY) {
      throw new PlaygroundError('USAGE', `it would take out ${what}`, {
        hint: 'Say that this is meant: "p2p-playground plugins reset --yes".',
      })
    }
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    try {
      const { signal } = this
      // The terminal takes Ctrl-C for itself while it asks.
      terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
      const answer = await terminal.question(`Take out ${what}? [y/N] `, { signal })
      return /^y(es)?$/i.test(answer.trim())
    } finally {
      terminal.close()
    }
  }
}
