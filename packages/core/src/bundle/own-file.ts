import { lstat, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { PlaygroundError, systemCode } from '../errors.js'
import { fileError } from '../file-error.js'

const MAX_BYTES = 1024 * 1024
const NO_TARGET: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'ELOOP']

/**
 * A text at the root of an application that packing goes by; undefined when there is none.
 * @throws BUNDLE_PACK, FILE_ACCESS
 */
export async function readOwnFile(dir: string, name: string): Promise<string | undefined> {
  const path = join(dir, name)
  try {
    const found = await lstat(path)
    if (found.isSymbolicLink()) await checkLink(path, dir)
    const { size } = await checkRegular(path)
    if (size > MAX_BYTES)
      throw refused(`${path} has ${String(size)} bytes, more than ${String(MAX_BYTES)}`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError(error, path)
  }
}

/** Read through a symlink to elsewhere, any file of this machine would be shown in messages. */
async function checkLink(path: string, dir: string): Promise<void> {
  const target = await readlink(path)
  const end = await realpath(path).catch((error: unknown) => {
    if (!NO_TARGET.includes(systemCode(error))) throw error
    throw refused(`${path} is a symlink to ${target}, where there is no file`, error)
  })
  const inside = relative(await realpath(dir), end)
  if (inside === '..' || inside.startsWith('../'))
    throw refused(`${path} is a symlink to ${target}, outside of the application`)
}

/** A fifo would be waited for. */
async function checkRegular(path: string): Promise<{ readonly size: number }> {
  const info = await stat(path)
  if (!info.isFile()) throw refused(`${path} is not a regular file`)
  return info
}

function refused(what: string, cause?: unknown): PlaygroundError {
  const hint = 'It is a text of at most 1 MiB, in the application directory.'
  return new PlaygroundError('BUNDLE_PACK', what, { hint, cause })
}
