import { Flags } from '@oclif/core'
import { BaseCommand } from '../../base-command.js'

export default class ConfigCheck extends BaseCommand {
  static override summary =
    'Check the configuration and say what is wrong, with file, line and column.'
  static override examples = [
    '<%= config.bin %> config check',
    '<%= config.bin %> config check --config ./daemon.yaml',
  ]
  static override flags = {
    controller: Flags.boolean({
      description: "The controller's configuration instead of the daemon's.",
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigCheck)
    const { loadConfig } = await import('../../load-config.js')
    const { warnings, files } = await loadConfig(flags.controller, this.configRequest(flags))
    if (flags.json) {
      this.printJson({ valid: true, files, warnings })
      return
    }
    for (const warning of warnings) this.warning(warning)
    this.log(
      files.length === 0 ? 'no configuration file: the defaults hold' : `${files.join(', ')}: good`,
    )
  }
}
