import { readFileSync, realpathSync } from 'node:fs'
import { lstat, mkdir, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { systemCode } from '@p2p-playground/core/errors'

/** A package that plugins import and that the host brings, because it may be on no registry. */
export interface HostPackage {
  readonly name: string
  readonly version: string
  /** Where it really is. */
  readonly root: string
}

/** Which of the host's own packages has each: resolution begins there. */
const BROUGHT_BY = [
  { name: '@p2p-playground/core', through: ['@p2p-playground/daemon/config'] },
  {
    name: '@p2p-playground/process-runtime',
    through: ['@p2p-playground/daemon/config', '@p2p-playground/runtime-process'],
  },
] as const

/** The host's own copies, the same ones that the built-in plugins use. */
export function hostPackages(): HostPackage[] {
  return BROUGHT_BY.map(({ name, through }) => {
    let from: string = import.meta.url
    for (const step of through) from = createRequire(from).resolve(step)
    const root = rootOf(name, realpathSync(createRequire(from).resolve(name)))
    return { name, root, version: manifestAt(root).version ?? '0.0.0' }
  })
}

/** Those that node_modules of a directory links to. */
export async function linkHostPackage(dir: string, host: HostPackage): Promise<void> {
  const path = join(dir, 'node_modules', host.name)
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { recursive: true, force: true })
  await symlink(relative(realpathSync(dirname(path)), host.root), path)
}

/** Whether node_modules of a directory links to another place than the host's, as after the host was moved. */
export async function isElsewhere(dir: string, host: HostPackage): Promise<boolean> {
  const path = join(dir, 'node_modules', host.name)
  try {
    return (await lstat(path)).isSymbolicLink() && realpathSync(path) !== host.root
  } catch (error) {
    // A link that leads nowhere, or none at all.
    if (systemCode(error) !== 'ENOENT') throw error
    return true
  }
}

/** The directory of a package, from a file in it. */
function rootOf(name: string, file: string): string {
  let dir = dirname(file)
  while (manifestAt(dir).name !== name && dirname(dir) !== dir) dir = dirname(dir)
  return dir
}

function manifestAt(dir: string): { readonly name?: string; readonly version?: string } {
  try {
    return JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { name?: string }
  } catch (error) {
    // No manifest here: it is further up.
    if (systemCode(error) !== 'ENOENT') throw error
    return {}
  }
}
