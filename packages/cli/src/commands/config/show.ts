import { Flags } from '@oclif/core'
import { BaseCommand } from '../../base-command.js'
import { table } from '../../format.js'

export default class ConfigShow extends BaseCommand {
  static override summary = 'Print the effective configuration with the origin of each value.'
  static override description = 'Secrets are masked.'
  static override examples = [
    '<%= config.bin %> config show',
    '<%= config.bin %> config show --env prod',
    '<%= config.bin %> config show --controller',
  ]
  static override flags = {
    controller: Flags.boolean({
      description: "The controller's configuration instead of the daemon's.",
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigShow)
    const { isControllerFile, loadConfig } = await import('../../load-config.js')
    const isController =
      flags.controller || (flags.config !== undefined && (await isControllerFile(flags.config)))
    const { shown, warnings, files } = await loadConfig(isController, this.configRequest(flags))
    if (flags.json) {
      this.printJson({ files, values: shown })
      return
    }
    for (const warning of warnings) this.warning(warning)
    const rows = shown.map(({ key, value, origin }) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
      origin,
    ])
    this.log(await table(['KEY', 'VALUE', 'FROM'], rows))
  }
}
