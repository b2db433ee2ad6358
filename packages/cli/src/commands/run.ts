import { Args, Flags } from '@oclif/core'
import type { Control, LogEntry, LogMarks, LogQuery, NodeSelector } from '@p2p-playground/core'
import type { BundleId } from '@p2p-playground/core/bundle'
import { BaseCommand, GRACE_MS, nodeFlags } from '../base-command.js'
import { judge, packageOf, runDeploy } from '../deploy-action.js'
import { parseDurationFlag } from '../duration-flag.js'
import type { DeployView } from '../deploy-view.js'
import { nextCommand } from '../given-home.js'
import { logLine } from '../log-line.js'
import { showFollowed } from '../show-followed.js'
import { findSigningKey } from '../signing.js'
import { stopAfterRun } from '../stop-after-run.js'

/** How many lines of an app are shown whose deployment has failed, and how long they may take to come. */
const LAST_LINES = 20
const LAST_LINES_MS = 5000

export default class Run extends BaseCommand {
  static override summary = 'Pack, sign, deploy, and follow the logs.'
  static override description =
    'Of an app that comes up nowhere, the last lines are shown. Ctrl-C stops following; the app goes on, unless --stop-on-exit.'
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
    let ran: Pick<BundleId, 'app' | 'version'> & { readonly target: NodeSelector }
    let after: LogMarks
    try {
      const { inspectBundle } = await import('@p2p-playground/core/bundle')
      const { id } = await inspectBundle(source.path, { signal: this.signal })
      ran = { app: id.app, version: id.version, target }
      const request = {
        packagePath: source.path,
        target,
        wait: true,
        timeoutMs,
        allowDowngrade: flags['allow-downgrade'],
        localCopy: true,
      }
      const lift = this.limit(timeoutMs + GRACE_MS)
      after = await control.logMarks(ran, this.signal)
      const view = await runDeploy(control, request, flags.json, this.signal)
      lift()
      if (!flags.json) this.log(await view.table())
      const nodes = whereItFailed(view)
      if (nodes.length > 0)
        await this.#showLast(control, { ...ran, target: { nodes }, after }, flags.json)
      judge(view, (failures) => {
        this.warnOf(failures)
      })
    } finally {
      await source.dispose()
    }
    const query = { ...ran, follow: true, after }
    await showFollowed(control.logs(query, this.signal), {
      follow: true,
      signal: this.signal,
      show: (entry) => {
        this.#show(entry, flags.json)
      },
      warn: (text) => {
        this.warning(text)
      },
    })
    if (flags['stop-on-exit']) {
      const exit = await stopAfterRun(control, ran, (text, hint) => {
        this.warning(text, hint)
      })
      // What became of the deployment stays said.
      if (exit !== 0) process.exitCode = exit
    } else if (!flags.json)
      process.stderr.write(
        `\n${ran.app} goes on running; stop it with: ${nextCommand(`app stop ${ran.app}`)}\n`,
      )
  }

  /** The end of what the app wrote since it was deployed. */
  async #showLast(
    control: Control,
    query: Omit<LogQuery, 'follow' | 'tail'>,
    json: boolean,
  ): Promise<void> {
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(LAST_LINES_MS)])
    const last = { ...query, follow: false, tail: LAST_LINES }
    try {
      for await (const followed of control.logs(last, signal))
        if (followed.kind === 'item') this.#show(followed.item, json)
    } catch {
      // Why it failed is to be told all the same.
    }
  }

  #show(entry: LogEntry, json: boolean): void {
    this.log(json ? JSON.stringify(entry) : logLine(entry))
  }
}

/** Where the app was started, when it came up nowhere; otherwise following shows what it wrote. */
function whereItFailed(view: DeployView): string[] {
  const all = view.results().map(({ progress }) => progress)
  if (all.some(({ failure }) => failure === null)) return []
  return all.flatMap(({ peerId, state }) => (state === null ? [] : peerId))
}
