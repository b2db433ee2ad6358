import type { LoadedPlugin } from '@p2p-playground/core'
import { harmless } from './format.js'

/** `plugin    @p2p-playground/health-http 0.1.0: health-checker http`, a line for each package. */
export function pluginLines(plugins: readonly LoadedPlugin[]): string[] {
  const packages = new Map<string, string[]>()
  for (const { package: from, version, kind, name } of plugins) {
    const shown = `${from} ${version}`.trimEnd()
    packages.set(shown, [...(packages.get(shown) ?? []), `${kind} ${name}`])
  }
  return [...packages].map(([shown, names]) => harmless(`plugin    ${shown}: ${names.join(', ')}`))
}
