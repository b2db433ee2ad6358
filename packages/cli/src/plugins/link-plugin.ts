import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { PlaygroundError, systemCode } from '@p2p-playground/core/errors'
import { hostPackages, isElsewhere, linkHostPackage } from './host-packages.js'
import type { InstalledPlugin } from './install-plugin.js'
import { uninstallPlugin } from './install-plugin.js'
import { runNpm } from './npm.js'
import { packageContents } from './package-contents.js'
import { readManifest, withPlugin, writeManifest } from './plugin-list.js'

interface Folder {
  readonly name: string
  readonly version: string
  /** Packages that it is to find when it is imported. */
  readonly needs: readonly string[]
}

/** Only what it needs to run; peers come from the host, and the folder's own files stay as they are. */
const INSTALL_IN_FOLDER = ['install', '--omit=dev', '--legacy-peer-deps', '--no-package-lock']

/**
 * Uses a package where it lies: a change in it counts at once for commands, and for a daemon at its next start.
 * A package of the host that the folder asks for and has not is linked into its node_modules.
 * @throws USAGE for a folder without a package.json, and what `runNpm` throws
 */
export async function linkPlugin(
  dir: string,
  path: string,
  options: { readonly install: boolean; readonly signal: AbortSignal },
): Promise<InstalledPlugin> {
  const root = resolve(path)
  const { name, version, needs } = await readFolder(root)
  const { signal } = options
  const hosts = hostPackages()
  const others = needs.filter((need) => !hosts.some((host) => host.name === need))
  if (options.install && others.length > 0 && !existsSync(join(root, 'node_modules'))) {
    await runNpm(INSTALL_IN_FOLDER, { cwd: root, subject: root }, signal)
  }
  for (const host of hosts) {
    if (needs.includes(host.name) && !canResolve(root, host.name)) await linkHostPackage(root, host)
  }
  const { dependencies = {} } = await readManifest(dir)
  if (Object.hasOwn(dependencies, name)) await uninstallPlugin(dir, name, signal)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await writeManifest(dir, withPlugin(await readManifest(dir), { type: 'link', name, root }))
  return { name, version, contents: await packageContents({ name, root }, signal) }
}

/** After the command was moved or installed anew, plugins find the host's packages where they are now. Quick where nothing is to be done. */
export async function relinkHostPackages(dir: string): Promise<void> {
  const { optionalDependencies = {} } = await readManifest(dir)
  if (Object.keys(optionalDependencies).length === 0) return
  const wanted = hostPackages().filter(({ name }) => Object.hasOwn(optionalDependencies, name))
  const moved: [string, string][] = []
  for (const host of wanted) {
    if (!(await isElsewhere(dir, host))) continue
    await linkHostPackage(dir, host)
    moved.push([host.name, `file:${host.root}`])
  }
  if (moved.length === 0) return
  const manifest = await readManifest(dir)
  const links = { ...manifest.optionalDependencies, ...Object.fromEntries(moved) }
  await writeManifest(dir, { ...manifest, optionalDependencies: links })
}

async function readFolder(root: string): Promise<Folder> {
  try {
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      name?: string
      version?: string
      dependencies?: Readonly<Record<string, string>>
      peerDependencies?: Readonly<Record<string, string>>
    }
    if (manifest.name === undefined) throw new SyntaxError('it has no name')
    const needs = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    return { name: manifest.name, version: manifest.version ?? '', needs }
  } catch (cause) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes(systemCode(cause) ?? '')
    const why = isMissing ? 'there is no package.json' : (cause as Error).message
    throw new PlaygroundError('USAGE', `${root} is no package: ${why}`, {
      hint: 'Give the folder that holds its package.json.',
      cause,
    })
  }
}

function canResolve(root: string, name: string): boolean {
  try {
    createRequire(join(root, 'package.json')).resolve(name)
    return true
  } catch (error) {
    if (systemCode(error) !== 'MODULE_NOT_FOUND') throw error
    return false
  }
}
