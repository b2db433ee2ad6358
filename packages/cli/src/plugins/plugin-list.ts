import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileDurably } from '@p2p-playground/core/durable-file'
import { PlaygroundError, systemCode } from '@p2p-playground/core/errors'

/** A plugin as oclif keeps it in `oclif.plugins` of its data directory's package.json. */
export type ListedPlugin =
  | { readonly type: 'user'; readonly name: string; readonly tag: string }
  /** From a tarball, a URL or a repository. */
  | { readonly type: 'user'; readonly name: string; readonly url: string }
  | { readonly type: 'link'; readonly name: string; readonly root: string }

/** The package.json of the directory where plugins are. oclif and npm write it too: what they keep there stays. */
export interface PluginManifest {
  /** The plugins. */
  readonly dependencies?: Readonly<Record<string, string>>
  /** What of the host is linked for them. */
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly oclif?: { readonly plugins?: readonly ListedPlugin[] }
}

const EMPTY = { name: 'p2p-playground-plugins', private: true, oclif: { schema: 1, plugins: [] } }

/** @throws PLUGIN_INSTALL when the file is no JSON */
export async function readManifest(dir: string): Promise<PluginManifest> {
  const path = join(dir, 'package.json')
  try {
    return JSON.parse(await readFile(path, 'utf8')) as PluginManifest
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return EMPTY
    if (systemCode(cause) !== undefined) throw cause
    throw new PlaygroundError('PLUGIN_INSTALL', `${path} cannot be read`, {
      hint: 'Move it away; plugins must then be installed anew.',
      cause,
    })
  }
}

/** Puts it there whole, or not at all. */
export async function writeManifest(dir: string, manifest: PluginManifest): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  await writeFileDurably(join(dir, 'package.json'), text, { mode: 0o644 })
}

export function listed(manifest: PluginManifest): readonly ListedPlugin[] {
  return manifest.oclif?.plugins ?? []
}

/** With `plugin`, in the place of one of that name. */
export function withPlugin(manifest: PluginManifest, plugin: ListedPlugin): PluginManifest {
  return withPlugins(manifest, [
    ...listed(manifest).filter(({ name }) => name !== plugin.name),
    plugin,
  ])
}

export function withoutPlugin(manifest: PluginManifest, name: string): PluginManifest {
  return withPlugins(
    manifest,
    listed(manifest).filter((plugin) => plugin.name !== name),
  )
}

function withPlugins(manifest: PluginManifest, plugins: readonly ListedPlugin[]): PluginManifest {
  return { ...manifest, oclif: { ...EMPTY.oclif, ...manifest.oclif, plugins } }
}
