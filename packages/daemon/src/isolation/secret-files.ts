import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '@p2p-playground/core'
import type { LoadedDaemonConfig } from '../config/index.js'

/**
 * The files that an app must not read because of what they say of this node: those that the configuration was read from, and
 * what lies closed to others beside them, such as keys and the files of other environments.
 */
export async function secretFiles(loaded: LoadedDaemonConfig): Promise<readonly string[]> {
  const { baseDir, files, pskFiles } = loaded
  const beside = (await namesIn(baseDir)).map((name) => join(baseDir, name))
  const closed = await Promise.all(beside.map(async (path) => ((await isClosed(path)) ? path : [])))
  return [...new Set([...files, ...pskFiles, ...closed.flat()])]
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    // Without any file of configuration, there need be no directory for it.
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

async function isClosed(path: string): Promise<boolean> {
  try {
    const found = await stat(path)
    return found.isFile() && (found.mode & 0o077) === 0
  } catch (error) {
    // Gone meanwhile, or a link to nothing.
    if (systemCode(error) === undefined) throw error
    return false
  }
}
