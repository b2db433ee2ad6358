import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '@p2p-playground/core'

/**
 * Bytes that a tree takes on its disk, holes not counted; files that vanish meanwhile are left out. Null when it is not
 * there, or has more than `maxEntries` entries: looking at all of them would cost more than the number is worth.
 */
export async function directorySize(
  dir: string,
  maxEntries: number,
  signal: AbortSignal,
): Promise<number | null> {
  let sizeBytes = 0
  let entries = 0
  const pending = [dir]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const opened = await opendir(next).catch(ignoreMissing)
    if (opened === undefined && next === dir) return null
    for await (const entry of opened ?? []) {
      signal.throwIfAborted()
      entries += 1
      if (entries > maxEntries) return null
      const path = join(next, entry.name)
      sizeBytes += (await sizeOf(path)) ?? 0
      if (entry.isDirectory()) pending.push(path)
    }
  }
  return sizeBytes
}

async function sizeOf(path: string): Promise<number | undefined> {
  const stat = await lstat(path).catch(ignoreMissing)
  // In units of 512 bytes, whatever the blocks of the file system are (stat(2)).
  return stat === undefined ? undefined : stat.blocks * 512
}

/** Gone meanwhile, or closed to us. */
function ignoreMissing(error: unknown): undefined {
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined
  throw error
}
