import { AsyncLocalStorage } from 'node:async_hooks'

/** Which plugin something is about. */
export interface PluginIdentity {
  /** npm package. */
  readonly package: string
  readonly version: string
  /** Directory of the package; real path. */
  readonly root: string
}

const scope = new AsyncLocalStorage<PluginIdentity>()

/** Runs a plugin's code so that whatever it sets going, timers and sockets too, is known as its own. */
export function runAs<Value>(plugin: PluginIdentity, work: () => Value): Value {
  return scope.run(plugin, work)
}

/** The plugin whose code runs now, or whose timer, socket or promise brought us here. */
export function runningPlugin(): PluginIdentity | undefined {
  return scope.getStore()
}
