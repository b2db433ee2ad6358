import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PlaygroundError } from '../errors.js'
import { fileError, pathOf } from '../file-error.js'

/** Of a file beside `outPath` that has a name of our own, the user hears as of `outPath`. */
export function writeError(error: unknown, outPath: string): unknown {
  const isOurs = pathOf(error)?.startsWith(`${resolve(outPath)}.`) === true
  return isOurs ? fileError(error, outPath) : error
}

/** Said before the work, not after it. @throws FILE_ACCESS */
export async function refuseDirectory(outPath: string): Promise<void> {
  const info = await stat(outPath).catch(() => {
    // What keeps it from being looked at, writing says better.
    return undefined
  })
  if (info?.isDirectory() !== true) return
  throw new PlaygroundError('FILE_ACCESS', `${outPath} is a directory, not a file`, {
    hint: `Name a file: ${join(outPath, 'app.p2p')}.`,
  })
}
