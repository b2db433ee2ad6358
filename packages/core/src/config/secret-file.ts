import { readFile, stat } from 'node:fs/promises'
import { PlaygroundError, errorMessage, isPlaygroundError, systemCode } from '../errors.js'
import { fileError } from '../file-error.js'

/**
 * Reads a file that only its owner may read.
 * @throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE, CONFIG_PERMISSIONS
 */
export async function readSecretFile(path: string): Promise<string> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) {
      throw new PlaygroundError(
        'CONFIG_PERMISSIONS',
        `${path} can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, '0')})`,
        { hint: `Run: chmod 600 ${path}` },
      )
    }
    return await readFile(path, 'utf8')
  } catch (error) {
    throw readError(error, path)
  }
}

/** A failed read of a file that the user named, as CONFIG_NOT_FOUND or CONFIG_UNREADABLE. */
export function readError(error: unknown, path: string): unknown {
  if (error instanceof PlaygroundError) return error
  if (systemCode(error) === 'ENOENT') {
    return new PlaygroundError('CONFIG_NOT_FOUND', `there is no file ${path}`, { cause: error })
  }
  const known = fileError(error, path)
  const message = isPlaygroundError(known)
    ? known.message
    : `cannot read ${path}: ${errorMessage(error)}`
  const hint = isPlaygroundError(known) ? known.hint : undefined
  return new PlaygroundError('CONFIG_UNREADABLE', message, { hint, cause: error })
}
