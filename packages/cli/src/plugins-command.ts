import { BaseCommand } from './base-command.js'
import type { InstalledPlugin } from './plugins/install-plugin.js'
import type { PluginReport } from './plugins/report-plugin.js'
import type { ConfigFlags } from './base-command.js'

/** What the commands share that put plugins in or take them out. */
export abstract class PluginsCommand extends BaseCommand {
  /** Whether daemon.yaml names a package; false when it cannot be read, which other commands say. */
  protected async isInDaemonYaml(name: string, flags: ConfigFlags): Promise<boolean> {
    const { loadDaemonConfig } = await import('@p2p-playground/daemon/config')
    try {
      const { config } = await loadDaemonConfig(this.configRequest(flags))
      return config.plugins.some(({ use, path }) => use === name && path !== undefined)
    } catch {
      // There is none yet, or it is wrong: not the matter of this command.
      return false
    }
  }

  /** Of a package that was taken out. */
  protected async warnIfNamed(name: string, flags: ConfigFlags): Promise<void> {
    if (!(await this.isInDaemonYaml(name, flags))) return
    this.warning(
      `${this.home.daemonConfig} still names ${name}: the daemon does not start before that line is gone`,
    )
  }

  protected async reportOf(plugin: InstalledPlugin, flags: ConfigFlags): Promise<PluginReport> {
    const { reportOf } = await import('./plugins/report-plugin.js')
    const report = reportOf(plugin, await this.isInDaemonYaml(plugin.name, flags))
    for (const warning of report.warnings) this.warning(warning)
    return report
  }

  /** Says what was done with a package, and what it brings. */
  protected async show(verb: string, report: PluginReport): Promise<void> {
    const { reportLines } = await import('./plugins/report-plugin.js')
    this.log(`${verb} ${report.name} ${report.version}`)
    for (const line of reportLines(report, this.home.daemonConfig)) this.log(line)
  }
}
