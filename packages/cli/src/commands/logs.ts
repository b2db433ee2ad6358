import { Args, Flags } from '@oclif/core'
import type { LogEntry } from '@p2p-playground/core'
import { parseAppTarget } from '../app-target.js'
import { BaseCommand, nodeFlags } from '../base-command.js'
import { clockTime, harmless, paint } from '../format.js'
import { showFollowed } from '../show-followed.js'
import { parseSince } from '../since.js'

const COLORS = ['cyan', 'magenta', 'yellow', 'blue', 'green'] as const

export default class Logs extends BaseCommand {
  static override summary = 'Show what an app writes, from all its nodes.'
  static override description =
    'Lines of several nodes are merged by time. With --follow new lines are shown as they come, over reconnects without gaps or repeats.'
  static override examples = [
    '<%= config.bin %> logs hello --follow',
    '<%= config.bin %> logs hello --since 10m --grep error --node node-1',
    '<%= config.bin %> logs hello@1.0.0 --tail 20 --json',
  ]
  static override args = {
    app: Args.string({ description: 'App, or app@version.', required: true }),
  }
  static override flags = {
    ...nodeFlags,
    follow: Flags.boolean({ char: 'f', description: 'Go on with new lines.' }),
    since: Flags.string({ description: 'Only lines since then: 10m, or a time in RFC 3339.' }),
    tail: Flags.integer({
      description: 'At most that many of the newest lines per node; default 100, with --since all.',
      min: 0,
    }),
    stream: Flags.option({
      options: ['stdout', 'stderr'] as const,
      description: 'Only this stream.',
    })(),
    grep: Flags.string({ description: 'Only lines that contain this text.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Logs)
    const sinceMs = parseSince(flags.since)
    const query = {
      ...parseAppTarget(args.app),
      target: this.selector(flags),
      follow: flags.follow,
      sinceMs,
      tail: flags.tail ?? (sinceMs === undefined ? 100 : undefined),
      stream: flags.stream,
      grep: flags.grep,
    }
    const control = await this.control(flags)
    const { failures } = await showFollowed(control.logs(query, this.signal), {
      follow: flags.follow,
      signal: this.signal,
      show: (entry) => {
        this.log(flags.json ? JSON.stringify(entry) : this.#line(entry))
      },
      warn: (text) => {
        this.warning(text)
      },
    })
    await this.appFailures(failures, flags)
  }

  #line(entry: LogEntry): string {
    const color = COLORS[hash(entry.node) % COLORS.length] ?? 'cyan'
    const origin = paint(color, `${harmless(entry.node)} ${entry.app}@${entry.version}`)
    const mark = entry.stream === 'stderr' ? paint('red', 'err') : 'out'
    return `${paint('dim', clockTime(entry.timeMs))} ${origin} ${mark} | ${harmless(entry.line)}`
  }
}

function hash(text: string): number {
  let value = 0
  for (const char of text) value = (value * 31 + char.charCodeAt(0)) % 65_521
  return value
}
