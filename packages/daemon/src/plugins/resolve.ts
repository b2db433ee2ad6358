import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PlaygroundError, systemCode } from '@p2p-playground/core'

/**
 * The module of a plugin package: from the daemon's own dependencies, then from each root (a directory with a
 * package.json and node_modules, as `plugins install` makes it), also linked ones.
 * @throws PLUGIN_NOT_FOUND
 */
export function resolvePlugin(name: string, roots: readonly string[]): string {
  for (const from of [
    import.meta.url,
    ...roots.map((root) => pathToFileURL(join(root, 'package.json')).href),
  ]) {
    const found = tryResolve(name, from)
    if (found !== undefined) return pathToFileURL(found).href
  }
  for (const root of roots) {
    const linked = linkedRoot(name, root)
    if (linked === undefined) continue
    const found =
      tryResolve(name, pathToFileURL(join(linked, 'package.json')).href) ??
      join(linked, mainOf(linked))
    return pathToFileURL(found).href
  }
  throw new PlaygroundError('PLUGIN_NOT_FOUND', `there is no package "${name}"`, {
    hint: `Install it with "p2p-playground plugins install ${name}".`,
    details: { roots },
  })
}

function tryResolve(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'MODULE_NOT_FOUND') return undefined
    // An ESM-only package: its exports have no "require" condition, but the loader for import finds it.
    if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return esmEntry(name, from)
    throw error
  }
}

function esmEntry(name: string, from: string): string | undefined {
  const paths = createRequire(from).resolve.paths(name) ?? []
  const root = paths
    .map((path) => join(path, name))
    .find((path) => existsSync(join(path, 'package.json')))
  return root === undefined ? undefined : join(root, mainOf(root))
}

/** The file that `import` of a package gives: exports "." → import or default, else main, else index.js. */
function mainOf(root: string): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports?: unknown
    main?: string
  }
  return pick(manifest.exports) ?? manifest.main ?? 'index.js'
}

function pick(exported: unknown): string | undefined {
  if (typeof exported === 'string') return exported
  if (typeof exported !== 'object' || exported === null) return undefined
  const map = exported as Record<string, unknown>
  return pick(map['.']) ?? pick(map['node']) ?? pick(map['import']) ?? pick(map['default'])
}

/** oclif keeps linked plugins in its package.json under oclif.plugins, with their own root. */
function linkedRoot(name: string, root: string): string | undefined {
  const path = join(root, 'package.json')
  if (!existsSync(path)) return undefined
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as {
    oclif?: { plugins?: { name?: string; type?: string; root?: string }[] }
  }
  return manifest.oclif?.plugins?.find((plugin) => plugin.name === name && plugin.type === 'link')
    ?.root
}
