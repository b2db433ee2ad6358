import { Args } from '@oclif/core'
import type { AppAction } from '@p2p-playground/core'
import { appTable } from './app-table.js'
import { parseAppTarget } from './app-target.js'
import { BaseCommand, nodeFlags } from './base-command.js'
import type { ConfigFlags, TargetFlags } from './base-command.js'

export const appArgs = {
  app: Args.string({
    description: 'App, or app@version; without a version the active one.',
    required: true,
  }),
}

/** What start, stop, restart and remove have in common. */
export abstract class AppChangeCommand extends BaseCommand {
  protected async change(
    action: AppAction,
    text: string,
    flags: ConfigFlags &
      TargetFlags & { readonly json: boolean; readonly timeout?: string | undefined },
  ): Promise<void> {
    const control = await this.control(flags)
    const command = { action, ...parseAppTarget(text), target: this.selector(flags) }
    const { items, failures } = await control.changeApp(command, this.signal)
    await this.appFailures(failures, flags)
    if (flags.json) this.printJson(items)
    else if (action === 'remove') this.log(`removed ${text}`)
    else this.log(await appTable(items))
  }
}

export { nodeFlags }
