import { Args } from '@oclif/core'
import type { AppAction } from '@p2p-playground/core'
import { appTable } from './app-table.js'
import { parseAppTarget } from './app-target.js'
import { BaseCommand, nodeFlags } from './base-command.js'

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
    target: string,
    flags: {
      readonly json: boolean
      readonly config?: string | undefined
      readonly env?: string | undefined
    } & Parameters<BaseCommand['selector']>[0],
  ): Promise<void> {
    const control = await this.control(flags)
    const command = { action, ...parseAppTarget(target), target: this.selector(flags) }
    const { items, failures } = await control.changeApp(command, this.signal)
    // An app need not be on every node; where it is counts.
    const onSome =
      failures.some((failure) => failure.code !== 'APP_NOT_FOUND') ||
      items.length > 0 ||
      (action === 'remove' &&
        failures.every((failure) => failure.code === 'APP_NOT_FOUND') === false)
    const counted =
      onSome || this.#isNamed(flags)
        ? failures.filter((failure) => this.#isNamed(flags) || failure.code !== 'APP_NOT_FOUND')
        : failures
    const answered =
      (await control.listNodes(this.selector(flags), this.signal)).length - failures.length
    this.failures(counted, answered)
    if (flags.json) this.printJson(items)
    else if (action === 'remove') this.log(`removed ${target}`)
    else this.log(await appTable(items))
  }

  #isNamed(flags: Parameters<BaseCommand['selector']>[0]): boolean {
    return (this.selector(flags).nodes ?? []).length > 0
  }
}

export { nodeFlags }
