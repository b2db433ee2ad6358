import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core'
import { didYouMean } from '@p2p-playground/core/config'
import { readManifest, readPackage } from './plugin-package.js'
import type { PluginOrigin, PluginPackage } from './plugin-package.js'

/** As npm has them (https://docs.npmjs.com/cli/configuring-npm/package-json#name); older ones may have capitals. */
const PACKAGE_NAME = /^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/i

/**
 * A plugin's package: from the daemon's own dependencies, then from each root (a directory with a package.json and
 * node_modules, as `plugins install` makes it), then of those that oclif has linked.
 * @throws PLUGIN_NOT_FOUND, PLUGIN_IMPORT when its package.json cannot be read
 */
export function findPackage(name: string, roots: readonly string[]): PluginPackage {
  if (!PACKAGE_NAME.test(name)) throw noName(name)
  for (const [dir, origin] of placesOf(name, roots)) {
    if (existsSync(join(dir, 'package.json'))) return readPackage(dir, name, origin)
  }
  const linked = roots.flatMap(linkedIn).find((one) => one.name === name)
  if (linked === undefined) throw notFound(name, roots)
  if (existsSync(join(linked.root, 'package.json'))) {
    return readPackage(linked.root, name, 'linked')
  }
  const message = `"${name}" is linked to ${linked.root}, where there is no package`
  throw new PlaygroundError('PLUGIN_NOT_FOUND', message, {
    hint: `Run "p2p-playground plugins uninstall ${name}", and link the folder where it is now.`,
  })
}

/** True when a package of that name can be found. */
export function isThere(name: string, roots: readonly string[]): boolean {
  if (!PACKAGE_NAME.test(name)) return false
  return (
    [...placesOf(name, roots)].some(([dir]) => existsSync(join(dir, 'package.json'))) ||
    roots.flatMap(linkedIn).some((one) => one.name === name)
  )
}

/** What `plugins install` and `plugins link` brought to the roots, by name. */
export function installedNames(roots: readonly string[]): string[] {
  return [
    ...new Set(
      roots.flatMap((root) => [...dependenciesOf(root), ...linkedIn(root).map(({ name }) => name)]),
    ),
  ]
}

function* placesOf(
  name: string,
  roots: readonly string[],
): Generator<readonly [string, PluginOrigin]> {
  // Directories above, as Node looks for dependencies.
  const own = createRequire(import.meta.url).resolve.paths(name) ?? []
  for (const dir of own) yield [join(dir, name), 'dependency']
  for (const root of roots) yield [join(root, 'node_modules', name), 'installed']
}

function noName(name: string): PlaygroundError {
  return new PlaygroundError('PLUGIN_NOT_FOUND', `"${name}" is not the name of a package`, {
    hint: 'A folder is linked with "p2p-playground plugins link DIR" and then named by its package.json.',
  })
}

function notFound(name: string, roots: readonly string[]): PlaygroundError {
  const guess = didYouMean(name, installedNames(roots))
  return new PlaygroundError('PLUGIN_NOT_FOUND', `there is no package "${name}"`, {
    hint:
      guess === undefined
        ? `Install it with "p2p-playground plugins install ${name}".`
        : `${guess} Or install it with "p2p-playground plugins install ${name}".`,
    details: { roots },
  })
}

/** What oclif and npm write down in the package.json of a root. */
interface RootManifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly oclif?: { readonly plugins?: readonly (LinkEntry | string)[] }
}

interface LinkEntry {
  readonly name?: string
  readonly type?: string
  readonly root?: string
}

function dependenciesOf(root: string): string[] {
  return Object.keys(rootManifest(root).dependencies ?? {})
}

/** oclif keeps linked plugins in its package.json under oclif.plugins, with their own root. */
function linkedIn(root: string): { readonly name: string; readonly root: string }[] {
  return (rootManifest(root).oclif?.plugins ?? []).flatMap((entry) =>
    typeof entry === 'object' &&
    entry.type === 'link' &&
    entry.name !== undefined &&
    entry.root !== undefined
      ? [{ name: entry.name, root: entry.root }]
      : [],
  )
}

/** @throws PLUGIN_IMPORT when it cannot be read */
function rootManifest(root: string): RootManifest {
  const path = join(root, 'package.json')
  if (!existsSync(path)) return {}
  try {
    return readManifest(path) as RootManifest
  } catch (cause) {
    throw new PlaygroundError('PLUGIN_IMPORT', `${path} cannot be read`, {
      hint: 'It lists the installed plugins: mend it, or delete it and install them again.',
      cause,
    })
  }
}
