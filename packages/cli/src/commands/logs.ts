import { Args, Flags } from '@oclif/core'
import type { LogEntry } from '@p2p-playground/core'
import { parseAppTarget } from '../app-target.js'
import { BaseCommand, nodeFlags } from '../base-command.js'
import { clockTime, harmless, paint } from '../format.js'
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
    const failures = []
    let shown = 0
    try {
      for await (const followed of (await this.control(flags)).logs(query, this.signal)) {
        if (followed.kind === 'item') {
          shown += 1
          this.log(flags.json ? JSON.stringify(followed.item) : this.#line(followed.item))
        } else if (flags.follow && followed.failure.code === 'NODE_UNREACHABLE') {
          this.warning(`${followed.failure.node}: ${followed.failure.message}`)
        } else failures.push(followed.failure)
      }
    } catch (error) {
      // Ctrl-C is how following ends.
      if (!(flags.follow && this.signal.aborted)) throw error
    }
    const nodes = await this.#answering(flags, failures.length)
    const elsewhere = failures.filter((failure) => failure.code !== 'APP_NOT_FOUND')
    this.failures(shown > 0 || nodes > 0 ? elsewhere : failures, nodes)
  }

  async #answering(
    flags: Parameters<BaseCommand['selector']>[0] & {
      config?: string | undefined
      env?: string | undefined
    },
    failed: number,
  ): Promise<number> {
    if (failed === 0) return 1
    return (
      (await (await this.control(flags)).listNodes(this.selector(flags), AbortSignal.timeout(5000)))
        .length - failed
    )
  }

  #line(entry: LogEntry): string {
    const color = COLORS[hash(entry.node) % COLORS.length] ?? 'cyan'
    const origin = paint(color, `${entry.node} ${entry.app}@${entry.version}`)
    const mark = entry.stream === 'stderr' ? paint('red', 'err') : 'out'
    return `${paint('dim', clockTime(entry.timeMs))} ${origin} ${mark} | ${harmless(entry.line)}`
  }
}

function hash(text: string): number {
  let value = 0
  for (const char of text) value = (value * 31 + char.charCodeAt(0)) % 65_521
  return value
}
