import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { PlaygroundError, asPlaygroundError } from '@p2p-playground/core'
import { SqliteStateStore } from './sqlite-state-store.js'

/**
 * What a daemon that starts would say of its state; undefined when nothing. A copy is looked at: opening the file would lock
 * it, bring it to this version's form, and take what a killed daemon left beside it into it. Not for a file in use.
 */
export async function stateFault(path: string): Promise<PlaygroundError | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'p2p-playground-state-'))
  const copy = join(dir, basename(path))
  try {
    for (const suffix of ['', '-wal'])
      if (existsSync(path + suffix)) await copyFile(path + suffix, copy + suffix)
    return openFault(copy, path)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function openFault(copy: string, path: string): PlaygroundError | undefined {
  try {
    new SqliteStateStore({ path: copy, node: '' }).close()
    return undefined
  } catch (cause) {
    const { code, message, hint } = asPlaygroundError(cause)
    return new PlaygroundError(code, message.replaceAll(copy, path), { hint, cause })
  }
}
