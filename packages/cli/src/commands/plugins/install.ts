import { Args } from '@oclif/core'
import type { PluginReport } from '../../plugins/report-plugin.js'
import { PluginsCommand } from '../../plugins-command.js'

export default class PluginsInstall extends PluginsCommand {
  static override aliases = ['plugins:add']
  static override summary = 'Install a plugin: commands, plugins for the daemon, or both.'
  static override description = `From an npm registry, a tarball (which needs no network, when it has no dependencies but ours), a URL or a git repository. All of it is installed, or nothing.

npm does the work, with its own configuration; npm_config_registry names another registry.`
  static override examples = [
    '<%= config.bin %> plugins install @acme/p2p-health-redis',
    '<%= config.bin %> plugins install @acme/p2p-health-redis@^1.2',
    '<%= config.bin %> plugins install ./acme-p2p-health-redis-1.2.0.tgz',
    "<%= config.bin %> plugins install 'git+https://git.acme.example/redis.git#v1.2.0'",
  ]
  static override strict = false
  static override args = {
    plugin: Args.string({
      description: 'NAME, NAME@VERSION, a tarball or a URL; several may be given.',
      required: true,
    }),
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(PluginsInstall)
    const [{ installPlugin }, { parsePluginSpec }] = await Promise.all([
      import('../../plugins/install-plugin.js'),
      import('../../plugins/plugin-spec.js'),
    ])
    const specs = argv.map((text) => parsePluginSpec(String(text), process.cwd()))
    const reports: PluginReport[] = []
    for (const spec of specs) {
      const installed = await installPlugin(this.home.oclif, spec, this.signal)
      const report = await this.reportOf(installed, flags)
      reports.push(report)
      if (!flags.json) await this.show('installed', report)
    }
    if (flags.json) this.printJson(reports)
  }
}
