import { fork } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginKind } from '@p2p-playground/core'
import { formatDuration } from '@p2p-playground/core/duration'
import type { ErrorCode } from '@p2p-playground/core/errors'

/** What a package brings. */
export interface PackageContents {
  readonly definitions: readonly { readonly kind: PluginKind; readonly name: string }[]
  /** As they are typed: `redis ping`. */
  readonly commands: readonly string[]
  /** Hooks of the command line. */
  readonly hooks: readonly string[]
  /** Why a daemon cannot use it, where it is meant for one. */
  readonly fault?: PackageFault
}

export interface PackageFault {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string | undefined
}

/** How long importing a package may take. */
const LIMIT_MS = 20_000

/**
 * Imports a package that lies at `root` as a daemon would, and looks for its commands as oclif would, in a process of its own:
 * a stranger's code may hang, print, or end it.
 */
export async function packageContents(
  where: { readonly name: string; readonly root: string },
  signal: AbortSignal,
): Promise<PackageContents> {
  const dir = await mkdtemp(join(tmpdir(), 'p2p-playground-plugin-'))
  try {
    return await describe(where, await probeIn(dir, where), signal)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** A module beside which the package is installed: so Node itself finds what importing the package gives. */
async function probeIn(
  dir: string,
  { name, root }: { readonly name: string; readonly root: string },
): Promise<string> {
  const link = join(dir, 'node_modules', name)
  await mkdir(dirname(link), { recursive: true })
  await symlink(root, link)
  const probe = join(dir, 'probe.mjs')
  await writeFile(probe, `export * as found from ${JSON.stringify(name)}\n`)
  return probe
}

async function describe(
  where: { readonly name: string; readonly root: string },
  probe: string,
  signal: AbortSignal,
): Promise<PackageContents> {
  const entry = fileURLToPath(import.meta.resolve('./describe-package.js'))
  const limit = AbortSignal.timeout(LIMIT_MS)
  const child = fork(entry, [where.name, where.root, probe], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [],
    signal: AbortSignal.any([signal, limit]),
    killSignal: 'SIGKILL',
  })
  const { promise, resolve } = Promise.withResolvers<PackageContents | undefined>()
  // An abort is told by the signal, below.
  child.once('error', () => undefined)
  child.once('message', (contents) => {
    resolve(contents as PackageContents)
  })
  child.once('close', () => {
    resolve(undefined)
  })
  const contents = await promise
  child.kill('SIGKILL')
  signal.throwIfAborted()
  if (contents !== undefined) return contents
  const why = limit.aborted
    ? `has not come to an end within ${formatDuration(LIMIT_MS)}`
    : 'ended the process'
  const message = `${where.name} cannot be imported: it ${why}`
  return { definitions: [], commands: [], hooks: [], fault: { code: 'PLUGIN_IMPORT', message } }
}
