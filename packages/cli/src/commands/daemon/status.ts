import { BaseCommand } from '../../base-command.js'
import { age } from '../../format.js'
import { nextCommand } from '../../given-home.js'
import { pluginLines } from '../../plugin-view.js'

export default class DaemonStatus extends BaseCommand {
  static override summary = 'Say whether the node on this machine runs.'
  static override description = 'Exit code 0 when it runs, 1 when not.'
  static override examples = [
    '<%= config.bin %> daemon status',
    '<%= config.bin %> daemon status --json',
  ]

  async run(): Promise<void> {
    const { flags } = await this.parse(DaemonStatus)
    const { daemonStatus } = await import('../../daemon-process.js')
    const running = await daemonStatus(this.home)
    if (running === undefined) {
      if (flags.json) this.printJson({ running: false })
      else this.log(`no daemon runs here; start one with "${nextCommand('daemon start')}"`)
      process.exitCode = 1
      return
    }
    const { pid, peerId, name, version, addresses, startedAtMs, plugins = [] } = running
    if (flags.json) {
      this.printJson({
        running: true,
        pid,
        peerId,
        name,
        version,
        addresses,
        startedAtMs,
        uptimeMs: Date.now() - startedAtMs,
        plugins,
      })
      return
    }
    this.log(`${name} has run for ${age(startedAtMs)}, pid ${String(pid)}, version ${version}`)
    this.log(`PeerID    ${peerId}`)
    for (const address of addresses) this.log(`address   ${address}`)
    for (const line of pluginLines(plugins)) this.log(line)
  }
}
