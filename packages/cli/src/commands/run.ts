import { Args, Flags } from '@oclif/core'
import type { LogEntry } from '@p2p-playground/core'
import type { BundleId } from '@p2p-playground/core/bundle'
import { BaseCommand, GRACE_MS, nodeFlags } from '../base-command.js'
import { judge, packageOf, runDeploy } from '../deploy-action.js'
import { parseDurationFlag } from '../duration-flag.js'
import { clockTime, harmless } from '../format.js'
import { showFollowed } from '../show-followed.js'
import { findSigningKey } from '../signing.js'
import { stopAfterRun } from '../stop-after-run.js'

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
    timeout: Flags.string({
      description: 'Limit of the deployment; following goes on until Ctrl-C.',
      default: '2m',
      helpValue: '2m',
    }),
    'allow-downgrade': Flags.boolean({ description: 'Also an older version than the nodes had.' }),
    'stop-on-exit': Flags.boolean({ description: 'Stop the app when following ends.' }),
    key: Flags.string({ char: 'k', description: "Private key; default: the controller's." }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Run)
    const timeoutMs = parseDurationFlag('--timeout', flags.timeout)
    const target = this.selector(flags)
    const source = await packageOf(args.dir, {
      key: async () => findSigningKey(flags.key, this.configRequest(flags)),
      quiet: flags.json,
      signal: this.signal,
    })
    const control = await this.control({ config: flags.config, env: flags.env })
    const sinceMs = Date.now()
    let id: BundleId
    try {
      const { inspectBundle } = await import('@p2p-playground/core/bundle')
      id = (await inspectBundle(source.path, { signal: this.signal })).id
      const request = {
        packagePath: source.path,
        target,
        wait: true,
        timeoutMs,
        allowDowngrade: flags['allow-downgrade'],
        localCopy: true,
      }
      const lift = this.limit(timeoutMs + GRACE_MS)
      const view = await runDeploy(control, request, flags.json, this.signal)
      lift()
      if (!flags.json) this.log(await view.table())
      judge(view)
    } finally {
      await source.dispose()
    }
    const query = { app: id.app, version: id.version, target, follow: true, sinceMs }
    await showFollowed(control.logs(query, this.signal), {
      follow: true,
      signal: this.signal,
      show: (entry) => {
        this.log(flags.json ? JSON.stringify(entry) : line(entry))
      },
      warn: (text) => {
        this.warning(text)
      },
    })
    if (flags['stop-on-exit']) {
      const exit = await stopAfterRun(control, { ...id, target }, (text) => {
        this.warning(text)
      })
      // What became of the deployment stays said.
      if (exit !== 0) process.exitCode = exit
    } else if (!flags.json)
      process.stderr.write(
        `\n${id.app} goes on running; stop it with: p2p-playground app stop ${id.app}\n`,
      )
  }
}

function line(entry: LogEntry): string {
  return `${clockTime(entry.timeMs)} ${harmless(entry.node)} | ${harmless(entry.line)}`
}
