import { Args } from '@oclif/core'
import type { AppAction, AppCommand, AppRow } from '@p2p-playground/core'
import { appTable } from './app-table.js'
import { parseAppTarget } from './app-target.js'
import { BaseCommand, GRACE_MS } from './base-command.js'
import type { ConfigFlags, TargetFlags } from './base-command.js'
import { parseDurationFlag } from './duration-flag.js'
import { nextCommand } from './given-home.js'

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
    if (action === 'remove' && !flags.json) await this.#showRemoved(text, items)
    else await this.#show(items, flags)
  }

  /** `items` are what is active in place of what went; nodes do not start it. */
  async #showRemoved(text: string, items: readonly AppRow[]): Promise<void> {
    const [first] = items
    if (first === undefined) {
      this.log(`removed ${text}`)
      return
    }
    this.log(`removed ${text}; active now:\n${await appTable(items)}`)
    if (items.some(({ pid }) => pid === null))
      this.log(`Start it with: ${nextCommand(`app start ${first.app}`)}`)
  }

  /** The same for what has a version started. The nodes keep the limit, and say more when it is over. */
  protected async begin(
    action: AppAction,
    text: string,
    flags: ChangeFlags & { readonly wait: boolean; readonly timeout: string },
  ): Promise<void> {
    const waiting = { wait: flags.wait, timeoutMs: parseDurationFlag('--timeout', flags.timeout) }
    await this.#show(
      await this.order({ action, ...parseAppTarget(text), ...waiting }, flags),
      flags,
    )
  }

  protected async order(
    order: Omit<AppCommand, 'target'>,
    flags: ChangeFlags,
  ): Promise<readonly AppRow[]> {
    const command = { ...order, target: this.selector(flags) }
    const { config, env } = flags
    const { timeoutMs } = order
    const control = await this.control(timeoutMs === undefined ? flags : { config, env })
    if (timeoutMs !== undefined) this.limit(timeoutMs + GRACE_MS)
    const { items, failures, answered } = await control.changeApp(command, this.signal)
    this.failures(failures, answered)
    return items
  }

  async #show(items: readonly AppRow[], { json }: ChangeFlags): Promise<void> {
    if (json) this.printJson(items)
    else this.log(await appTable(items))
  }
}

export { START_EXITS, nodeFlags, startFlags } from './base-command.js'
