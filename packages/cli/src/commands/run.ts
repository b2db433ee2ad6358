import { Args, Flags } from '@oclif/core'
import { BaseCommand, nodeFlags, timeoutFlag } from '../base-command.js'
import { judge, packageOf, runDeploy } from '../deploy-action.js'
import { clockTime, harmless } from '../format.js'
import { findSigningKey } from '../signing.js'

export default class Run extends BaseCommand {
  static override summary = 'Pack, sign, deploy, and follow the logs.'
  static override description = 'Ctrl-C stops following; the app goes on, unless --stop-on-exit.'
  static override examples = [
    '<%= config.bin %> run examples/hello-js',
    '<%= config.bin %> run . --node node-1 --stop-on-exit',
  ]
  static override args = {
    dir: Args.string({ description: 'Application directory.', required: true }),
  }
  static override flags = {
    ...nodeFlags,
    timeout: timeoutFlag,
    'allow-downgrade': Flags.boolean({ description: 'Also an older version than the nodes had.' }),
    'stop-on-exit': Flags.boolean({ description: 'Stop the app when following ends.' }),
    key: Flags.string({ char: 'k', description: "Private key; default: the controller's." }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Run)
    const { parseDurationMs } = await import('@p2p-playground/core')
    const { inspectBundle } = await import('@p2p-playground/core/bundle')
    const control = await this.control(flags)
    const target = this.selector(flags)
    const source = await packageOf(args.dir, async () =>
      findSigningKey(flags.key, this.configRequest(flags)),
    )
    const { id } = await inspectBundle(source.path)
    const sinceMs = Date.now()
    try {
      const request = {
        packagePath: source.path,
        target,
        wait: true,
        timeoutMs: parseDurationMs(flags.timeout),
        allowDowngrade: flags['allow-downgrade'],
      }
      const view = await runDeploy(control, request, flags.json, this.signal)
      if (!flags.json) this.log(await view.table())
      judge(view)
    } finally {
      await source.dispose()
    }
    try {
      const query = { app: id.app, version: id.version, target, follow: true, sinceMs }
      for await (const followed of control.logs(query, this.signal)) {
        if (followed.kind === 'failure')
          this.warning(`${followed.failure.node}: ${followed.failure.message}`)
        else if (flags.json) this.log(JSON.stringify(followed.item))
        else
          this.log(
            `${clockTime(followed.item.timeMs)} ${followed.item.node} | ${harmless(followed.item.line)}`,
          )
      }
    } catch (error) {
      // Ctrl-C is how following ends.
      if (!this.signal.aborted) throw error
    }
    if (flags['stop-on-exit'])
      await control.changeApp({ action: 'stop', ...id, target }, AbortSignal.timeout(30_000))
    else if (!flags.json)
      process.stderr.write(
        `\n${id.app} goes on running; stop it with: p2p-playground app stop ${id.app}\n`,
      )
  }
}
