import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { hostPackages } from './host-packages.js'
import { runNpm } from './npm.js'
import { packageContents } from './package-contents.js'
import type { PackageContents } from './package-contents.js'
import { listed, readManifest, withPlugin, withoutPlugin, writeManifest } from './plugin-list.js'
import type { ListedPlugin, PluginManifest } from './plugin-list.js'
import type { PluginSpec } from './plugin-spec.js'
import { PARTS, changeStaged } from './staged-change.js'

export interface InstalledPlugin {
  readonly name: string
  readonly version: string
  readonly contents: PackageContents
}

/** A registry that does not answer a question within this time is down. */
const LOOK_UP_MS = 10_000

/**
 * Installs a package into the directory of plugins, or nothing at all.
 * @throws what `runNpm` throws, and PLUGIN_IMPORT, PLUGIN_SHAPE, PLUGIN_API for a package that no daemon could use
 */
export async function installPlugin(
  dir: string,
  spec: PluginSpec,
  signal: AbortSignal,
): Promise<InstalledPlugin> {
  if (spec.kind === 'registry') await lookUp(`${spec.name}@${spec.range}`, signal)
  return changeStaged(dir, async (staged) => {
    await bringHostPackages(staged)
    const wanted = await npmSpec(spec, staged)
    const subject = spec.kind === 'tarball' ? basename(spec.path) : wanted
    const before = await readManifest(staged)
    await npmInstall(staged, [wanted], subject, signal)
    const after = await readManifest(staged)
    const name = spec.kind === 'registry' ? spec.name : newDependency(before, after, wanted)
    if (name === undefined) {
      throw new PlaygroundError('PLUGIN_INSTALL', `npm does not say what ${subject} is called`)
    }
    await writeManifest(staged, withPlugin(after, entryOf(spec, name, wanted)))
    await dropUnusedTarballs(staged)
    const root = join(staged, 'node_modules', name)
    const contents = await usableContents(name, root, signal)
    return { name, version: (await versionAt(root)) ?? '', contents }
  })
}

/** Takes a package out again. @throws PLUGIN_INSTALL, STATE_DISK */
export async function uninstallPlugin(
  dir: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const manifest = await readManifest(dir)
  if (!Object.hasOwn(manifest.dependencies ?? {}, name)) {
    await writeManifest(dir, withoutPlugin(manifest, name))
    return
  }
  await changeStaged(dir, async (staged) => {
    await bringHostPackages(staged)
    await runNpm(['uninstall', '--', name], { cwd: staged, subject: name }, signal)
    await writeManifest(staged, withoutPlugin(await readManifest(staged), name))
    await dropUnusedTarballs(staged)
  })
}

/** Takes all packages out, whatever state they are in; nothing is asked of npm. @throws PLUGIN_INSTALL, STATE_DISK */
export async function resetPlugins(dir: string): Promise<void> {
  await changeStaged(dir, async (staged) => {
    for (const part of PARTS) await rm(join(staged, part), { recursive: true, force: true })
  })
}

/** The newest versions that the tags and ranges allow, of all plugins from a registry or a URL: name, version before and after. */
export async function updatePlugins(
  dir: string,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly from: string | null; readonly to: string | null }[]> {
  const plugins = listed(await readManifest(dir)).filter((plugin) => plugin.type === 'user')
  const specs = plugins.flatMap((plugin) => {
    if ('tag' in plugin) return [`${plugin.name}@${plugin.tag}`]
    return plugin.url.startsWith('file:') ? [] : [plugin.url]
  })
  if (specs.length === 0) return []
  for (const plugin of plugins) {
    if ('tag' in plugin) await lookUp(`${plugin.name}@${plugin.tag}`, signal)
  }
  return changeStaged(dir, async (staged) => {
    await bringHostPackages(staged)
    await npmInstall(staged, specs, specs.join(' '), signal)
    const versions = plugins.map(async ({ name }) => ({
      name,
      from: await versionAt(join(dir, 'node_modules', name)),
      to: await versionAt(join(staged, 'node_modules', name)),
    }))
    const changed = (await Promise.all(versions)).filter(({ from, to }) => from !== to)
    for (const { name } of changed) {
      await usableContents(name, join(staged, 'node_modules', name), signal)
    }
    return changed
  })
}

/** @throws PLUGIN_IMPORT, PLUGIN_SHAPE, PLUGIN_API for a package that no daemon could use */
async function usableContents(
  name: string,
  root: string,
  signal: AbortSignal,
): Promise<PackageContents> {
  const contents = await packageContents({ name, root }, signal)
  if (contents.fault === undefined) return contents
  const { code, message, hint } = contents.fault
  throw new PlaygroundError(code, message, { hint })
}

/** Asked first, with little patience: npm would try for long, and its answer would be about the whole tree. */
async function lookUp(spec: string, signal: AbortSignal): Promise<void> {
  const options = { cwd: process.cwd(), subject: spec, fetchTimeoutMs: LOOK_UP_MS }
  await runNpm(['view', '--', spec, 'name', 'version'], options, signal)
}

async function npmInstall(
  cwd: string,
  specs: readonly string[],
  subject: string,
  signal: AbortSignal,
): Promise<void> {
  await runNpm(['install', '--omit=dev', '--', ...specs], { cwd, subject }, signal)
}

/**
 * What plugins import of ours is linked from where this command is: it may be on no registry, and there is to be one copy.
 * As dependencies of the directory, npm takes them for the peers that plugins ask for, and says when a version does not fit;
 * optional ones, because the others are the plugins.
 */
async function bringHostPackages(staged: string): Promise<void> {
  const manifest = await readManifest(staged)
  const links = hostPackages().map(({ name, root }) => [name, `file:${root}`] as const)
  await writeManifest(staged, { ...manifest, optionalDependencies: Object.fromEntries(links) })
}

/** What npm is asked for. A tarball is copied, so that the next change finds it; its digest in the name tells apart two builds of one version. */
async function npmSpec(spec: PluginSpec, staged: string): Promise<string> {
  if (spec.kind === 'registry') return `${spec.name}@${spec.range}`
  if (spec.kind === 'remote') return spec.spec
  const digest = createHash('sha256')
    .update(await readFile(spec.path))
    .digest('hex')
  const path = join('tarballs', `${digest.slice(0, 16)}-${basename(spec.path)}`)
  await mkdir(join(staged, 'tarballs'), { recursive: true })
  await copyFile(spec.path, join(staged, path))
  return `file:${path}`
}

/** npm does not name what it installed from a file or a URL: it is what it added to the dependencies, or what is there as that already. */
function newDependency(
  before: PluginManifest,
  after: PluginManifest,
  wanted: string,
): string | undefined {
  const found = Object.entries(after.dependencies ?? {})
  const added = found.find(([name, spec]) => before.dependencies?.[name] !== spec)
  return (added ?? found.find(([, spec]) => spec.endsWith(wanted)))?.[0]
}

function entryOf(spec: PluginSpec, name: string, wanted: string): ListedPlugin {
  if (spec.kind === 'registry') return { type: 'user', name, tag: spec.range }
  return { type: 'user', name, url: wanted }
}

async function dropUnusedTarballs(staged: string): Promise<void> {
  const dir = join(staged, 'tarballs')
  if (!existsSync(dir)) return
  const used = Object.values((await readManifest(staged)).dependencies ?? {})
  for (const file of await readdir(dir)) {
    if (!used.some((spec) => spec.endsWith(`/${file}`))) await rm(join(dir, file))
  }
}

/** Version of the package in that directory; null when there is none. */
export async function versionAt(root: string): Promise<string | null> {
  const path = join(root, 'package.json')
  if (!existsSync(path)) return null
  return (JSON.parse(await readFile(path, 'utf8')) as { version?: string }).version ?? ''
}
