import { setPriority } from 'node:os'
import type { OnPlaced, RunHandle, RunSpec } from '@p2p-playground/core'
import { ProcessRuntime, Unconfined } from '@p2p-playground/process-runtime'

/**
 * Runs each program as a group of processes, as the built-in runtime does, with a lower priority.
 * What the base does not do for another kind of runtime (a container, a machine) is in `Runtime` of core.
 */
export class NiceRuntime extends ProcessRuntime {
  readonly #niceness: number

  constructor(name: string, niceness: number) {
    super({ name, confinement: new Unconfined(`the runtime "${name}" sets no limits`) })
    this.#niceness = niceness
  }

  override async start(spec: RunSpec, placed: OnPlaced, signal: AbortSignal): Promise<RunHandle> {
    // The program has not begun here, and all that it starts inherits what it has.
    const placeNicely = (handle: RunHandle): void => {
      setPriority(handle.pid, this.#niceness)
      placed(handle)
    }
    return super.start(spec, placeNicely, signal)
  }
}
