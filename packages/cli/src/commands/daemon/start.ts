import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { BaseCommand } from '../../base-command.js'
import { trustsNobody } from '../../key-trust.js'

export default class DaemonStart extends BaseCommand {
  static override summary = 'Start the node on this machine.'
  static override description =
    'In the background by default: it is ready when the command returns. Supervisors use --foreground.'
  static override examples = [
    '<%= config.bin %> daemon start',
    '<%= config.bin %> daemon start --foreground',
    '<%= config.bin %> daemon start --env prod',
  ]
  static override flags = {
    foreground: Flags.boolean({ char: 'f', description: 'Stay in this terminal and log to it.' }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(DaemonStart)
    const [{ runInForeground, startInBackground }, { relinkHostPackages }] = await Promise.all([
      import('../../daemon-process.js'),
      import('../../plugins/link-plugin.js'),
    ])
    await relinkHostPackages(this.home.oclif)
    const config = flags.config === undefined ? undefined : resolve(flags.config)
    const options = { home: this.home, config, environment: flags.env }
    if (flags.foreground) {
      process.exitCode = await runInForeground(options, this.signal)
      return
    }
    const { pid, peerId, name, addresses } = await startInBackground(options)
    if (flags.json) {
      this.printJson({ running: true, pid, peerId, name, addresses })
      return
    }
    this.log(`${name} is ready, pid ${String(pid)}`)
    this.log(`PeerID    ${peerId}`)
    for (const address of addresses) this.log(`address   ${address}`)
    if (await trustsNobody(this.configRequest(flags))) {
      this.warning(
        'this node trusts no key, so that nobody can deploy to it: see "p2p-playground init" and "join", or security.trusted_public_keys in daemon.yaml',
      )
    }
  }
}
