import { Flags } from '@oclif/core'
import type { SystemEvent } from '@p2p-playground/core'
import { BaseCommand, nodeFlags } from '../base-command.js'
import { clockTime, harmless, paint } from '../format.js'
import { showFollowed } from '../show-followed.js'
import { parseSince } from '../since.js'

export default class Events extends BaseCommand {
  static override summary = 'Show what happened on the nodes.'
  static override examples = [
    '<%= config.bin %> events',
    '<%= config.bin %> events --follow --node node-1',
    '<%= config.bin %> events --since 1h --json',
  ]
  static override flags = {
    ...nodeFlags,
    follow: Flags.boolean({ char: 'f', description: 'Go on with new events.' }),
    since: Flags.string({ description: 'Only events since then: 10m, or a time in RFC 3339.' }),
    tail: Flags.integer({
      description: 'At most that many of the newest per node; default 50, with --since all.',
      min: 0,
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Events)
    const sinceMs = parseSince('--since', flags.since)
    const query = {
      target: this.selector(flags),
      follow: flags.follow,
      sinceMs,
      tail: flags.tail ?? (sinceMs === undefined ? 50 : undefined),
    }
    const control = await this.control(flags)
    const { failures, answered } = await showFollowed(control.events(query, this.signal), {
      follow: flags.follow,
      signal: this.signal,
      show: (event) => {
        this.log(flags.json ? JSON.stringify(event) : line(event))
      },
      warn: (text) => {
        this.warning(text)
      },
    })
    this.failures(failures, answered)
  }
}

function line(event: SystemEvent): string {
  const code = event.code === null ? '' : ` ${paint('red', event.code)}`
  return `${paint('dim', clockTime(event.timeMs))} ${paint('cyan', harmless(event.node))} ${event.type.padEnd(14)}${code} ${harmless(event.message)}`
}
