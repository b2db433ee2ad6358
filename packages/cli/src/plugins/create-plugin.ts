import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PlaygroundError } from '@p2p-playground/core/errors'
import { hostPackages } from './host-packages.js'
import type { HostPackage } from './host-packages.js'
import { runNpm } from './npm.js'
import { isPackageName } from './package-name.js'

/** As they are typed, and what a package of each is. */
const CREATED_KINDS = {
  health: 'health checker',
  runtime: 'runtime',
  'log-sink': 'log sink',
  discovery: 'discovery',
} as const

export type CreatedKind = keyof typeof CREATED_KINDS

export interface CreateRequest {
  readonly kind: CreatedKind
  /** Of the package. */
  readonly name: string
  readonly dir: string
  /** Write over what is there. */
  readonly force: boolean
  /** Take our packages from this installation, as tarballs in `vendor`; default: when it is a checkout. */
  readonly local?: boolean | undefined
}

export interface CreatedPlugin {
  readonly name: string
  readonly kind: CreatedKind
  /** What daemon.yaml and manifests call it. */
  readonly plugin: string
  readonly dir: string
  readonly files: readonly string[]
}

const TEMPLATES = fileURLToPath(new URL('../../templates/', import.meta.url))
const MAX_PLUGIN_NAME = 63

/** @throws USAGE for a name that is none, or a folder that is not empty */
export async function createPlugin(
  request: CreateRequest,
  signal: AbortSignal,
): Promise<CreatedPlugin> {
  const { kind, name, dir } = request
  const plugin = pluginNameOf(name)
  await refuseUsed(dir, request.force)
  const hosts = hostsFor(kind)
  const version = hosts[0]?.version ?? ''
  const words: Words = {
    'package-name': name,
    'package-about': CREATED_KINDS[kind],
    'plugin-name': plugin,
    'host-version': version,
  }
  const files = new Map<string, string>()
  for (const from of ['shared', kind]) {
    for (const [path, text] of await readTemplate(join(TEMPLATES, from)))
      files.set(path, fill(text, words))
  }
  const usage = files.get('usage.md') ?? ''
  files.delete('usage.md')
  files.set('README.md', (files.get('README.md') ?? '').replace('<!-- usage -->', usage.trim()))
  const local = request.local ?? isCheckout(hosts)
  const vendored = local ? await vendor(hosts, join(dir, 'vendor'), signal) : new Map()
  files.set('package.json', manifestFor(files.get('package.json') ?? '{}', { hosts, vendored }))
  for (const [path, text] of files) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  return { name, kind, plugin, dir, files: [...files.keys()].sort() }
}

/**
 * What a package's plugin is called: `redis` for `@acme/p2p-health-redis`. @throws USAGE
 */
export function pluginNameOf(name: string): string {
  if (!isPackageName(name)) {
    throw new PlaygroundError('USAGE', `"${name}" is no name of an npm package`, {
      hint: 'Lower case, digits and dashes, with a scope or without: @acme/p2p-health-redis.',
    })
  }
  const bare = basename(name).replaceAll(/[^a-z0-9]+/g, '-')
  const short = bare.replace(
    /^(?:p2p|playground|health|runtime|logs?|sink|discovery|plugin|-)+-/,
    '',
  )
  return short.replaceAll(/^-+|-+$/g, '').slice(0, MAX_PLUGIN_NAME) || 'plugin'
}

type Words = Readonly<
  Record<'package-name' | 'package-about' | 'plugin-name' | 'host-version', string>
>

function fill(text: string, words: Words): string {
  let filled = text
  for (const [word, value] of Object.entries(words)) filled = filled.replaceAll(word, value)
  return filled
}

async function refuseUsed(dir: string, force: boolean): Promise<void> {
  if (!existsSync(dir)) return
  if (!(await stat(dir)).isDirectory())
    throw new PlaygroundError('USAGE', `${dir} is a file`, { hint: 'Name another with --dir.' })
  if (force || (await readdir(dir)).length === 0) return
  throw new PlaygroundError('USAGE', `${dir} is not empty`, {
    hint: 'Name another folder with --dir, or write over it with --force.',
  })
}

/** What a plugin of that kind imports of ours, core first. */
function hostsFor(kind: CreatedKind): HostPackage[] {
  return hostPackages().filter(({ name }) => kind === 'runtime' || name === '@p2p-playground/core')
}

function isCheckout(hosts: readonly HostPackage[]): boolean {
  return hosts.every(({ root }) => !root.split(sep).includes('node_modules'))
}

/** Files below a template's directory. npm leaves out of a package what is called .gitignore. */
async function readTemplate(root: string): Promise<[string, string][]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  return Promise.all(
    paths.map(async (path) => [
      path === 'gitignore' ? '.gitignore' : path,
      await readFile(join(root, path), 'utf8'),
    ]),
  )
}

/** Tarballs of our packages, by name: a checkout's are on no registry. */
async function vendor(
  hosts: readonly HostPackage[],
  dir: string,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const core = hosts[0]
  if (core === undefined) return new Map()
  const testkit = { name: '@p2p-playground/testkit', root: join(dirname(core.root), 'testkit') }
  await mkdir(dir, { recursive: true })
  const files = new Map<string, string>()
  for (const { name, root } of [...hosts, testkit]) {
    const options = { cwd: dir, subject: name }
    const packed = await runNpm(['pack', '--ignore-scripts', '--', root], options, signal)
    const [first] = Object.values(packed as Record<string, { filename: string }>)
    files.set(name, `file:vendor/${first?.filename ?? ''}`)
  }
  return files
}

/** The template's package.json with what the kind needs besides, and vendored packages from their files. */
function manifestFor(
  text: string,
  from: {
    readonly hosts: readonly HostPackage[]
    readonly vendored: ReadonlyMap<string, string>
  },
): string {
  const manifest = JSON.parse(text) as {
    peerDependencies: Record<string, string>
    devDependencies: Record<string, string>
  }
  for (const { name, version } of from.hosts) {
    manifest.peerDependencies[name] = `^${version}`
    manifest.devDependencies[name] = `^${version}`
  }
  for (const [name, file] of from.vendored) manifest.devDependencies[name] = file
  manifest.devDependencies = Object.fromEntries(
    Object.entries(manifest.devDependencies).sort(([a], [b]) => (a < b ? -1 : 1)),
  )
  return `${JSON.stringify(manifest, null, 2)}\n`
}
