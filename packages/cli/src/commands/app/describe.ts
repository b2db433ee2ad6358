import { Args } from '@oclif/core'
import type { AppDescription, FailureBundle } from '@p2p-playground/core'
import { parseAppName } from '../../app-target.js'
import { BaseCommand, nodeFlags } from '../../base-command.js'
import { clockTime, counted, harmless, paint, paintState } from '../../format.js'
import { instanceUsageLines } from '../../usage-view.js'

/** Of a failed run; --json has all that is kept. */
const SHOWN_LINES = 20

export default class AppDescribe extends BaseCommand {
  static override summary = 'Show everything that the nodes know of an app.'
  static override examples = ['<%= config.bin %> app describe hello --node node-1']
  static override args = { app: Args.string({ description: 'App.', required: true }) }
  static override flags = nodeFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(AppDescribe)
    const app = parseAppName(args.app)
    const { items, failures, answered } = await (
      await this.control(flags)
    ).describeApp(app, this.selector(flags), this.signal)
    this.failures(failures, answered)
    if (flags.json) {
      this.printJson(items)
      return
    }
    const { formatBytes } = await import('@p2p-playground/core')
    for (const item of items) this.log(describe(item, formatBytes))
  }
}

function describe(item: AppDescription, formatBytes: (bytes: number) => string): string {
  const { usage } = item
  const lines = [
    paint('bold', `${item.app}@${item.version} on ${harmless(item.node)}`) +
      (item.active ? '  active' : ''),
    `state      ${paintState(item.state)}${item.reason === '' ? '' : `  ${harmless(item.reason)}`}`,
    `pid        ${item.pid === null ? '-' : String(item.pid)}`,
    `started    ${item.startedAtMs === null ? '-' : clockTime(item.startedAtMs)}`,
    `ready      ${item.ready ? 'yes' : 'no'}${item.restarts === 0 ? '' : `, ${counted(item.restarts, 'restart')}`}`,
    `last exit  ${item.lastExit === '' ? '-' : harmless(item.lastExit)}`,
    `ports      ${
      Object.entries(item.ports)
        .map(([name, port]) => `${name}=${String(port)}`)
        .join(' ') || '-'
    }`,
    `usage      ${usage === null ? '-' : `${formatBytes(usage.memoryBytes)}, ${(usage.cpuMs / 1000).toFixed(1)} s CPU, ${counted(usage.processes, 'process')}`}`,
    ...(item.lastHour === null ? [] : instanceUsageLines(item.lastHour)),
    `limits     ${item.limits === '' ? 'as asked' : harmless(item.limits)}`,
    `tags       ${item.tags.join(', ') || '-'}`,
    `log        ${item.droppedLogLines === 0 ? 'complete' : `${counted(item.droppedLogLines, 'line')} dropped (cap of size or age)`}`,
    `signed by  ${harmless(item.signedBy)}`,
    `digest     ${item.digest}`,
    `files      ${harmless(item.dir)}`,
    ...item.failures.slice(0, 1).flatMap(failureLines),
    'events',
    ...item.events
      .slice(-10)
      .map(
        (event) =>
          `  ${clockTime(event.timeMs)}  ${event.type.padEnd(9)} ${harmless(event.message)}`,
      ),
    '',
  ]
  return lines.join('\n')
}

/** The last failure, with the end of what it wrote. */
function failureLines(failure: FailureBundle): string[] {
  const { health, lines } = failure
  return [
    `last failure  ${clockTime(failure.atMs)}  ${harmless(failure.reason)}, after start ${String(failure.starts)}`,
    ...(health === null ? [] : [`  health   ${harmless(health.detail ?? 'well')}`]),
    ...lines
      .slice(-SHOWN_LINES)
      .map(({ stream, line }) => `  ${stream.padEnd(8)} ${harmless(line)}`),
  ]
}
