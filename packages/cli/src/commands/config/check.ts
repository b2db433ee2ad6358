import { Flags } from '@oclif/core'
import { BaseCommand } from '../../base-command.js'

export default class ConfigCheck extends BaseCommand {
  static override summary =
    'Check the configuration and say what is wrong, with file, line and column.'
  static override description =
    'daemon.yaml and controller.yaml, or the one file that --config names.'
  static override examples = [
    '<%= config.bin %> config check',
    '<%= config.bin %> config check --config ./daemon.yaml',
  ]
  static override flags = {
    controller: Flags.boolean({
      description: "Only the controller's configuration.",
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigCheck)
    const { loadConfig } = await import('../../load-config.js')
    const isNamed = (flags.config ?? process.env['P2P_PLAYGROUND_CONFIG']) !== undefined
    const kinds = flags.controller ? [true] : isNamed ? [false] : [false, true]
    const files: string[] = []
    const warnings: string[] = []
    for (const isController of kinds) {
      const loaded = await loadConfig(isController, this.configRequest(flags))
      files.push(...loaded.files)
      warnings.push(...loaded.warnings)
    }
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
