import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PlaygroundError, errorMessage, systemCode } from '@p2p-playground/core'

/** How a package came to be found. */
export type PluginOrigin = 'dependency' | 'installed' | 'linked'

/** A package on the disk. */
export interface PluginPackage {
  readonly name: string
  /** Empty when its package.json names none. */
  readonly version: string
  /** Real path of the directory that holds its package.json. */
  readonly root: string
  readonly origin: PluginOrigin
  readonly manifest: PackageManifest
}

export interface PackageManifest {
  readonly name?: string
  readonly version?: string
  readonly exports?: unknown
  readonly main?: string
  /** There when it brings commands. */
  readonly oclif?: unknown
}

/** `@acme/p2p-health-redis 1.2.0`, as all messages name a package. */
export function formatPackage(from: { readonly name: string; readonly version: string }): string {
  return from.version === '' ? from.name : `${from.name} ${from.version}`
}

/** @throws PLUGIN_IMPORT when its package.json cannot be read */
export function readPackage(dir: string, name: string, origin: PluginOrigin): PluginPackage {
  const path = join(dir, 'package.json')
  let manifest: PackageManifest
  try {
    manifest = readManifest(path)
  } catch (cause) {
    throw new PlaygroundError(
      'PLUGIN_IMPORT',
      `${name} cannot be read: ${path}: ${errorMessage(cause)}`,
      { hint: REINSTALL, cause },
    )
  }
  const version = typeof manifest.version === 'string' ? manifest.version : ''
  return { name, version, root: realpathSync(dir), origin, manifest }
}

/**
 * URL of the module that `import` of the package gives.
 * @throws PLUGIN_IMPORT when it has none, or none that is there
 */
export function entryOf(from: PluginPackage): string {
  const wrong = (what: string): PlaygroundError =>
    new PlaygroundError('PLUGIN_IMPORT', `${formatPackage(from)} cannot be imported: ${what}`, {
      hint: 'Build it, or install it again; a plugin is what its package.json exports as ".".',
    })
  const { exports, main } = from.manifest
  if (exports === undefined || exports === null) {
    const found = legacyMain(from.root)
    if (found === undefined) throw wrong(`its main file ${main ?? 'index.js'} is not there`)
    return pathToFileURL(found).href
  }
  const target = pick(exports)
  if (target === undefined) throw wrong('its package.json exports nothing as "."')
  const path = join(from.root, target)
  if (!existsSync(path)) throw wrong(`its main file ${target} is not there`)
  return pathToFileURL(path).href
}

const REINSTALL = 'Install it again.'

/** @throws when it is not JSON, or no object */
export function readManifest(path: string): PackageManifest {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  throw new Error('it is not a JSON object')
}

/** Without "exports": what "main" names, with the endings and the index.js that Node adds. */
function legacyMain(root: string): string | undefined {
  try {
    return createRequire(join(root, 'package.json')).resolve(root)
  } catch (error) {
    if (systemCode(error) === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/** Conditions that hold when Node imports (https://nodejs.org/api/packages.html#conditional-exports). */
const CONDITIONS = new Set(['node-addons', 'node', 'import', 'module-sync', 'default'])

/** The file of ".": the first key that holds decides, as Node has it. */
function pick(exported: unknown): string | undefined {
  if (typeof exported === 'string') return exported
  if (Array.isArray(exported)) return exported.map(pick).find((target) => target !== undefined)
  if (typeof exported !== 'object' || exported === null) return undefined
  const map = exported as Record<string, unknown>
  if ('.' in map) return pick(map['.'])
  for (const [condition, target] of Object.entries(map)) {
    const found = CONDITIONS.has(condition) ? pick(target) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
