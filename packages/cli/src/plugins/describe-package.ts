// Runs in a process of its own, see package-contents.ts: imports a package and tells what it brings.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Plugin, settings } from '@oclif/core'
import { PLUGIN_BRAND } from '@p2p-playground/core'
import { asPlaygroundError, errorMessage } from '@p2p-playground/core/errors'
import { checkDefinitions } from '@p2p-playground/core/plugins'
import type { PackageContents, PackageFault } from './package-contents.js'

interface Manifest {
  readonly main?: unknown
  readonly exports?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

type Commands = Pick<PackageContents, 'commands' | 'hooks'>
type Definitions = Pick<PackageContents, 'definitions' | 'fault'>

const [name = '', root = '', probe = ''] = process.argv.slice(2)
// As for the command itself: what is built counts.
settings.enableAutoTranspile = false
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

process.send?.(await describe())

async function describe(): Promise<PackageContents> {
  try {
    const commands = await readCommands()
    return { ...commands, ...(await readDefinitions(commands)) }
  } catch (error) {
    return { commands: [], hooks: [], ...faulty(error) }
  }
}

async function readCommands(): Promise<Commands> {
  const plugin = new Plugin({ name, root, type: 'link' })
  await plugin.load()
  const shown = plugin.commands.filter((command) => !command.hidden)
  return {
    commands: shown.map((command) => command.id.replaceAll(':', ' ')).sort(),
    hooks: Object.keys(plugin.hooks),
  }
}

async function readDefinitions({ commands, hooks }: Commands): Promise<Definitions> {
  if (!hasEntry()) return { definitions: [] }
  let exported: unknown
  try {
    const module = (await import(pathToFileURL(probe).href)) as { found: { default?: unknown } }
    exported = module.found.default
  } catch (error) {
    // What only brings commands may have anything, or nothing, at its entry.
    if (commands.length + hooks.length > 0 && !usesCore()) return { definitions: [] }
    return faulty(error)
  }
  if (![exported].flat().some(isBranded)) return { definitions: [] }
  try {
    const definitions = checkDefinitions(exported, name)
    return { definitions: definitions.map((one) => ({ kind: one.kind, name: one.name })) }
  } catch (error) {
    const { code, message, hint } = asPlaygroundError(error, 'PLUGIN_SHAPE')
    const fault: PackageFault = { code, message, hint }
    return { definitions: [], fault }
  }
}

/** Whether there is something that a daemon could import. */
function hasEntry(): boolean {
  const isNamed = manifest.main !== undefined || manifest.exports !== undefined
  return isNamed || existsSync(join(root, 'index.js'))
}

function usesCore(): boolean {
  const { dependencies, peerDependencies } = manifest
  return Object.hasOwn({ ...dependencies, ...peerDependencies }, '@p2p-playground/core')
}

function isBranded(value: unknown): boolean {
  return typeof value === 'object' && value !== null && PLUGIN_BRAND in value
}

function faulty(error: unknown): Definitions {
  const { reason, hint } = reasonOf(errorMessage(error))
  const message = `${name} cannot be imported: ${reason}`
  return { definitions: [], fault: { code: 'PLUGIN_IMPORT', message, hint } }
}

/** The probe sees the package through a link of its own, whose path tells nobody anything. */
function reasonOf(said: string): { readonly reason: string; readonly hint?: string } {
  const link = join(dirname(probe), 'node_modules', name)
  const missing = /^Cannot find (?:module|package) '([^']+)'/.exec(said)?.[1] ?? ''
  if (said.includes(` imported from ${probe}`) && missing.startsWith(`${link}/`)) {
    const file = `./${relative(link, missing)}`
    return { reason: `its main file ${file} is not there`, hint: 'Build it.' }
  }
  return { reason: said.replace(` imported from ${probe}`, '').replaceAll(link, root) }
}
