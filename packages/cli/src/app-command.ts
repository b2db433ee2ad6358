import { Args } from '@oclif/core'
import type { AppAction, AppCommand, AppRow } from '@p2p-playground/core'
import { appTable } from './app-table.js'
import { parseAppTarget } from './app-target.js'
import { BaseCommand, nodeFlags } from './base-command.js'
import type { ConfigFlags, TargetFlags } from './base-command.js'

/** `without` says what is meant when no version is named. */
export function appArgsOf(without: string): { readonly app: ReturnType<typeof appArg> } {
  return { app: appArg(`App, or app@version, or app@tag; without a version ${without}.`) }
}

const appArg = (description: string) => Args.string({ description, required: true })

export const appArgs = appArgsOf('the active one')

/** The flags that all of them take. */
type ChangeFlags = ConfigFlags &
  TargetFlags & { readonly json: boolean; readonly timeout?: string | undefined }

/** What commands that change an app have in common. */
export abstract class AppChangeCommand extends BaseCommand {
  /** For `NAME` or `NAME@VERSION`; shows what became of it. */
  protected async change(
    action: AppAction,
    text: string,
    flags: ChangeFlags & { readonly secure?: boolean },
  ): Promise<void> {
    const { secure } = flags
    const items = await this.order({ action, ...parseAppTarget(text), secure }, flags)
    if (flags.json) this.printJson(items)
    else if (action === 'remove') this.log(`removed ${text}`)
    else this.log(await appTable(items))
  }

  protected async order(
    order: Omit<AppCommand, 'target'>,
    flags: ChangeFlags,
  ): Promise<readonly AppRow[]> {
    const command = { ...order, target: this.selector(flags) }
    const control = await this.control(flags)
    const { items, failures, answered } = await control.changeApp(command, this.signal)
    this.failures(failures, answered)
    return items
  }
}

export { nodeFlags }
