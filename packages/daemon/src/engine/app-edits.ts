import { formatInstance } from '@p2p-playground/core'
import type { Clock, ErrorCode, EventType, NewEvent } from '@p2p-playground/core'
import { applyEdit } from '@p2p-playground/core/reconcile'
import type { AppEdit } from '@p2p-playground/core/reconcile'
import type { OnFailpoint } from './failpoint.js'
import { instanceEvent } from './instance-event.js'
import type { InstanceTable } from './instance-table.js'

/** Writes down what the plan changes of what is desired, and says so; one transaction each. */
export class AppEdits {
  readonly #table: InstanceTable
  readonly #clock: Clock
  readonly #failpoint: OnFailpoint

  constructor(options: {
    readonly table: InstanceTable
    readonly clock: Clock
    readonly failpoint: OnFailpoint
  }) {
    this.#table = options.table
    this.#clock = options.clock
    this.#failpoint = options.failpoint
  }

  apply(edit: AppEdit): void {
    const name = edit.key.app
    const state = { app: this.#table.app(name), instances: this.#table.ofApp(name) }
    const { app, save } = applyEdit(state, edit, this.#clock.monotonic())
    if (edit.kind === 'roll-back') this.#failpoint('roll-back')
    if (edit.kind === 'select') this.#failpoint('select')
    this.#table.commit({ save, saveApps: [app], events: this.#eventsOf(edit) })
    if (edit.kind === 'roll-back') this.#failpoint('roll-back-committed')
  }

  #eventsOf(edit: AppEdit): NewEvent[] {
    const name = formatInstance(edit.key)
    const say = (type: EventType, message: string, code: ErrorCode | null = null): NewEvent[] => [
      instanceEvent(this.#clock, type, edit.key, { message, code }),
    ]
    switch (edit.kind) {
      case 'select':
        return say('updated', `${name} is the active version`)
      case 'drop-pending':
        return say('pending', `${name} does not take over: it is gone, or failed before`)
      case 'prove':
        return say('health', `${name} has proved itself and is watched`)
      case 'pass':
        return say('updated', `${name} is stable`)
      case 'drop-trial':
        return []
      case 'fail-trial':
        return say('health', `${name} failed its trial: ${edit.reason}`, 'APP_UNHEALTHY')
      case 'roll-back': {
        const how = edit.to === null ? 'there is no version to go back to' : `back to ${edit.to}`
        return say(
          'rollback',
          `${name} failed its trial, ${how}: ${edit.reason}`,
          'APP_ROLLED_BACK',
        )
      }
      case 'prune':
        return say('pruned', `${name} goes: enough others are kept`)
      default:
        return edit satisfies never
    }
  }
}
