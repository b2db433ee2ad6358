import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, systemCode } from '../errors.js'
import { fileError } from '../file-error.js'

const MAX_BYTES = 1024 * 1024

/**
 * A text at the root of an application that packing goes by; undefined when there is none. Read through a symlink, any file of
 * this machine would be shown in messages; a fifo would be waited for.
 * @throws BUNDLE_PACK, FILE_ACCESS
 */
export async function readOwnFile(dir: string, name: string): Promise<string | undefined> {
  const path = join(dir, name)
  try {
    const found = await lstat(path)
    if (found.isSymbolicLink()) throw refused(`${path} is a symlink`)
    if (!found.isFile()) throw refused(`${path} is not a regular file`)
    if (found.size > MAX_BYTES)
      throw refused(`${path} has ${String(found.size)} bytes, more than ${String(MAX_BYTES)}`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError(error, path)
  }
}

function refused(what: string): PlaygroundError {
  const hint = 'It has to be a regular file of at most 1 MiB in the application directory.'
  return new PlaygroundError('BUNDLE_PACK', what, { hint })
}
