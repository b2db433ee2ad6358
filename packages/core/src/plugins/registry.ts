import { PlaygroundError } from '../errors.js'
import type { PluginKind, PluginKinds } from '../contracts/plugin.js'

/** What plugins made, by kind and name. */
export class PluginRegistry {
  readonly #kinds: { readonly [Kind in PluginKind]: Map<string, PluginKinds[Kind]> } = {
    runtime: new Map(),
    'health-checker': new Map(),
    'log-sink': new Map(),
    discovery: new Map(),
  }
  readonly #from = new Map<string, string>()

  /** @throws PLUGIN_DUPLICATE when the kind has that name already. */
  add<Kind extends PluginKind>(
    kind: Kind,
    name: string,
    plugin: PluginKinds[Kind],
    from: string,
  ): void {
    const id = `${kind} "${name}"`
    const before = this.#from.get(id)
    if (before !== undefined) {
      throw new PlaygroundError('PLUGIN_DUPLICATE', `${from} and ${before} both define ${id}`, {
        hint: 'A name is given once: take one of them out of daemon.yaml, or rename a plugin of your own.',
      })
    }
    this.#from.set(id, from)
    this.#kinds[kind].set(name, plugin)
  }

  /** What could not be started after all. */
  remove(kind: PluginKind, name: string): void {
    this.#from.delete(`${kind} "${name}"`)
    this.#kinds[kind].delete(name)
  }

  all<Kind extends PluginKind>(kind: Kind): ReadonlyMap<string, PluginKinds[Kind]> {
    return this.#kinds[kind]
  }
}
