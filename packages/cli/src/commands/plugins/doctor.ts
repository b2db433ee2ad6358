import { Flags } from '@oclif/core'
import { BaseCommand } from '../../base-command.js'
import { parseDurationFlag } from '../../duration-flag.js'
import { harmlessText, paint, table } from '../../format.js'
import type { PluginFinding, PluginFindings } from '../../plugin-findings.js'

const MARKS = { ok: 'green', warn: 'yellow', fail: 'red' } as const

export default class PluginsDoctor extends BaseCommand {
  static override summary =
    'Look at every plugin as a start of the daemon would, and say what is wrong.'
  static override description =
    'Imports, checks and makes the plugins, in another process; starts nothing, and needs no daemon. ' +
    'Exit code 1 when one would keep the daemon from starting.'
  static override examples = [
    '<%= config.bin %> plugins doctor',
    '<%= config.bin %> plugins doctor --env prod --json',
  ]
  static override flags = {
    'step-timeout': Flags.string({
      description: 'How long each step of a plugin may take.',
      default: '10s',
      helpValue: '10s',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(PluginsDoctor)
    const { findPlugins } = await import('../../plugin-findings.js')
    const limitMs = parseDurationFlag('--step-timeout', flags['step-timeout'])
    const findings = await findPlugins(this.configRequest(flags), limitMs, this.signal)
    if (flags.json) this.printJson(findings)
    else await this.#print(findings)
    if (findings.plugins.some(({ result }) => result === 'fail')) process.exitCode = 1
  }

  async #print({ plugins, missing }: PluginFindings): Promise<void> {
    this.log(
      await table(['', 'PACKAGE', 'VERSION', 'PLUGINS', 'API', 'FROM', ''], plugins.map(rowOf)),
    )
    for (const { error, result } of plugins) {
      if (error === null) continue
      const word = result === 'fail' ? 'Error' : 'Warning'
      this.log(harmlessText(`\n${word} ${error.code}: ${error.message}`))
      if (error.hint !== undefined) this.log(harmlessText(error.hint))
    }
    for (const { message, hint } of missing)
      this.log(harmlessText(`\nWarning: ${message}\n${hint}`))
  }
}

function rowOf(one: PluginFinding): string[] {
  const { result, version, plugins, root, notes } = one
  const apis = [...new Set(plugins.map(({ api }) => api))]
  return [
    paint(MARKS[result], result),
    one.package,
    version ?? '',
    plugins.map(({ kind, name }) => `${kind} ${name}`).join('\n'),
    apis.join(', '),
    root === null ? '' : `${one.builtIn ? 'built-in' : (one.origin ?? '')} ${root}`,
    [...(one.commands && plugins.length > 0 ? ['brings commands too'] : []), ...notes].join('; '),
  ].map(harmlessText)
}
