import type { PluginDefinition, PluginKind } from '../contracts/plugin.js'

/** Marks a definition; a registered symbol, so that two copies of core agree. */
export const PLUGIN_BRAND = Symbol.for('p2p-playground.plugin')

export type BrandedPlugin<
  Kind extends PluginKind = PluginKind,
  Config = unknown,
> = PluginDefinition<Kind, Config> & {
  readonly [PLUGIN_BRAND]: true
}

/** Marks a definition as a plugin. Export the result, or a list of them, as the package's default. */
export function definePlugin<Kind extends PluginKind, Config>(
  definition: PluginDefinition<Kind, Config>,
): BrandedPlugin<Kind, Config> {
  return { ...definition, [PLUGIN_BRAND]: true }
}
