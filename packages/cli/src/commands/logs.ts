import { Args, Flags } from '@oclif/core'
import type { LogKind } from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { parseAppTarget } from '../app-target.js'
import { BaseCommand, nodeFlags } from '../base-command.js'
import { logLine } from '../log-line.js'
import { showFollowed } from '../show-followed.js'
import { parseSince } from '../since.js'

const KINDS = ['app', 'daemon', 'event'] as const satisfies readonly LogKind[]
const STREAMS = ['stdout', 'stderr', 'pre-start', 'post-stop'] as const

export default class Logs extends BaseCommand {
  static override summary =
    'Show what apps write, what daemons log, and what happened, from all nodes.'
  static override description = `Three kinds of lines: what an app and its hooks write (app), the daemon's own log (daemon), and system events (event).
With NAME it shows what that app writes; with --kind also events and lines of daemons that name it. Without NAME it shows all kinds of all apps.
Lines of several nodes are merged by time. With --follow new lines are shown as they come, over reconnects and restarts of daemons without gaps or repeats. When older lines were dropped because of logging.max_size or logging.max_age_days, a warning says how many.`
  static override examples = [
    '<%= config.bin %> logs hello --follow',
    '<%= config.bin %> logs hello --since 10m --until 5m --grep error --node node-1',
    '<%= config.bin %> logs hello --version 1.0.0 --stream stderr --tail 20 --json',
    '<%= config.bin %> logs hello --stream pre-start',
    '<%= config.bin %> logs hello --kind app,event --follow',
    '<%= config.bin %> logs --kind daemon --since 1h',
    '<%= config.bin %> logs --follow',
  ]
  static override args = {
    app: Args.string({ description: 'App, or app@version, or app@tag; default: all.' }),
  }
  static override flags = {
    ...nodeFlags,
    kind: Flags.option({
      options: KINDS,
      multiple: true,
      multipleNonGreedy: true,
      delimiter: ',',
      description: 'Kinds of lines, a,b or repeated; default: app with NAME, all without.',
    })(),
    follow: Flags.boolean({ char: 'f', description: 'Go on with new lines.' }),
    since: Flags.string({ description: 'Only lines since then: 10m, or a time in RFC 3339.' }),
    until: Flags.string({
      description: 'Only lines until then: 10m, or a time in RFC 3339.',
      exclusive: ['follow'],
    }),
    tail: Flags.integer({
      description: 'At most that many of the newest lines per node; default 100, with --since all.',
      min: 0,
    }),
    version: Flags.string({
      description: 'Only this version, or what a tag means; the same as NAME@VERSION.',
    }),
    stream: Flags.option({
      options: STREAMS,
      description: 'Only lines of this stream of an app, or of its hook.',
    })(),
    grep: Flags.string({ description: 'Only lines that contain this text.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Logs)
    const sinceMs = parseSince('--since', flags.since)
    const query = {
      ...targetOf(args.app, flags.version),
      kinds: flags.kind ?? (args.app === undefined ? KINDS : ['app' as const]),
      target: this.selector(flags),
      follow: flags.follow,
      sinceMs,
      untilMs: parseSince('--until', flags.until),
      tail: flags.tail ?? (sinceMs === undefined ? 100 : undefined),
      stream: flags.stream,
      grep: flags.grep,
    }
    const control = await this.control(flags)
    const { failures, answered } = await showFollowed(control.logs(query, this.signal), {
      follow: flags.follow,
      signal: this.signal,
      show: (entry) => {
        this.log(flags.json ? JSON.stringify(entry) : logLine(entry))
      },
      warn: (text) => {
        this.warning(text)
      },
    })
    this.failures(failures, answered)
  }
}

/** @throws USAGE for two versions, or one of nothing */
function targetOf(
  text: string | undefined,
  flag: string | undefined,
): { readonly app: string | undefined; readonly version: string | undefined } {
  const { app, version } = text === undefined ? {} : parseAppTarget(text)
  if (flag !== undefined && app === undefined) {
    throw new PlaygroundError('USAGE', '--version needs an app', {
      hint: 'Write: p2p-playground logs NAME --version VERSION.',
    })
  }
  if (flag !== undefined && version !== undefined && flag !== version) {
    throw new PlaygroundError('USAGE', `two versions are asked for: ${version} and ${flag}`, {
      hint: 'Leave one of them out; without a version all are shown.',
    })
  }
  return { app, version: flag ?? version }
}
