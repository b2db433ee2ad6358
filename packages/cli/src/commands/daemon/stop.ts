import { BaseCommand, timeoutFlag } from '../../base-command.js'
import { parseDurationFlag } from '../../duration-flag.js'

export default class DaemonStop extends BaseCommand {
  static override summary = 'Stop the node on this machine.'
  static override description = 'Its apps go on running; the next daemon takes them over.'
  static override examples = ['<%= config.bin %> daemon stop']
  static override flags = { timeout: timeoutFlag }

  async run(): Promise<void> {
    const { flags } = await this.parse(DaemonStop)
    const { stopDaemon } = await import('../../daemon-process.js')
    const stopped = await stopDaemon(this.home, parseDurationFlag('--timeout', flags.timeout))
    if (flags.json) this.printJson({ running: false, pid: stopped?.pid ?? null })
    else
      this.log(
        stopped === undefined
          ? 'not running: there is no daemon to stop'
          : `stopped ${stopped.name} (pid ${String(stopped.pid)})`,
      )
  }
}
