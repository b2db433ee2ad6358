import { Args, Flags } from '@oclif/core'
import { BaseCommand, GRACE_MS, START_EXITS, nodeFlags, startFlags } from '../base-command.js'
import { judge, packageOf, runDeploy } from '../deploy-action.js'
import { parseDurationFlag } from '../duration-flag.js'
import { findSigningKey } from '../signing.js'

const UNCHECKED =
  'Only the start was waited for: a "health_check" in manifest.yaml lets deploy wait until the app works.'

export default class Deploy extends BaseCommand {
  static override summary = 'Bring a package to nodes and start it there.'
  static override description = `All nodes by default. A directory is packed and signed first. ${START_EXITS}`
  static override examples = [
    '<%= config.bin %> deploy hello-1.0.0.p2p',
    '<%= config.bin %> deploy examples/hello-js --nodes node-1,node-2',
    '<%= config.bin %> deploy app.p2p --labels env=test --timeout 2m --json',
  ]
  static override args = {
    package: Args.string({ description: '.p2p file, or application directory.', required: true }),
  }
  static override flags = {
    ...nodeFlags,
    ...startFlags,
    'allow-downgrade': Flags.boolean({ description: 'Also an older version than the nodes had.' }),
    'local-copy': Flags.boolean({
      description:
        'A package of 16 MiB or more is copied on this machine, and sent once to each other one; otherwise once to each node.',
      default: true,
      allowNo: true,
    }),
    key: Flags.string({
      char: 'k',
      description: "Private key for a directory; default: the controller's.",
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Deploy)
    const timeoutMs = parseDurationFlag('--timeout', flags.timeout)
    const target = this.selector(flags)
    const source = await packageOf(args.package, {
      key: async () => findSigningKey(flags.key, this.configRequest(flags)),
      quiet: flags.json,
      signal: this.signal,
    })
    try {
      const request = {
        packagePath: source.path,
        target,
        wait: flags.wait,
        timeoutMs,
        allowDowngrade: flags['allow-downgrade'],
        localCopy: flags['local-copy'],
      }
      const control = await this.control({ config: flags.config, env: flags.env })
      this.limit(timeoutMs + GRACE_MS)
      const view = await runDeploy(control, request, flags.json, this.signal)
      if (flags.json)
        this.printJson(
          view
            .results()
            .map(({ progress, tookMs }) => ({ ...progress, tookMs: Math.round(tookMs) })),
        )
      else this.log(await view.table())
      this.#judge(flags.json, view)
      if (!flags.json && flags.wait && view.isUnchecked) process.stderr.write(`${UNCHECKED}\n`)
    } finally {
      await source.dispose()
    }
  }

  /** With --json everything is printed already; only the exit code is left to set. */
  #judge(json: boolean, view: Parameters<typeof judge>[0]): void {
    if (!json) {
      judge(view, (failures) => {
        this.warnOf(failures)
      })
      return
    }
    try {
      judge(view)
    } catch (error) {
      process.exitCode = (error as { row: { exit: number } }).row.exit
    }
  }
}
