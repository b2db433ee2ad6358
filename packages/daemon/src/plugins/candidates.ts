import type { PluginEntry } from '../config/index.js'
import { installedNames, isThere } from './resolve.js'

export interface Candidate {
  readonly entry: PluginEntry
  readonly builtIn: boolean
}

/** What can be looked at: the entries of the configuration, then what is installed beside them. */
export function candidates(
  entries: readonly PluginEntry[],
  where: { readonly roots: readonly string[]; readonly only?: string | undefined },
): Candidate[] {
  const { roots, only } = where
  const named = entries.map((entry) => ({ entry, builtIn: entry.path === undefined }))
  const beside = installedNames(roots)
    .filter((use) => !entries.some((entry) => entry.use === use))
    .map(unnamed)
  const all = [...named, ...beside]
  if (only === undefined) return all
  const chosen = all.filter(({ entry }) => entry.use === only)
  if (chosen.length > 0) return chosen
  return isThere(only, roots) ? [unnamed(only)] : all
}

function unnamed(use: string): Candidate {
  return { entry: { use, config: {}, optional: true, path: undefined }, builtIn: false }
}
