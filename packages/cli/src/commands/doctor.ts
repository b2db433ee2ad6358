import { BaseCommand } from '../base-command.js'
import { paint, table } from '../format.js'
import { withGivenHome } from '../given-home.js'

const MARKS = { ok: 'green', warn: 'yellow', fail: 'red' } as const

export default class Doctor extends BaseCommand {
  static override summary = 'Look for what is wrong on this machine, and say what to do.'
  static override description = 'Exit code 1 when something must be mended.'
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --json']

  async run(): Promise<void> {
    const { flags } = await this.parse(Doctor)
    const { runChecks } = await import('../checks.js')
    const results = await runChecks(this.configRequest(flags))
    if (flags.json) this.printJson(results)
    else {
      const rows = results.map(({ check, result, message, hint }) => [
        paint(MARKS[result], result),
        check,
        message,
        withGivenHome(hint ?? ''),
      ])
      this.log(await table(['', 'CHECK', 'FOUND', 'WHAT TO DO'], rows))
    }
    if (results.some(({ result }) => result === 'fail')) process.exitCode = 1
  }
}
