import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './errors.js'
import { pathOf } from './file-error.js'

export interface DurableWrite {
  /** Of the file, whatever the umask. */
  readonly mode: number
  /** Of directories that are missing; default 0o700. */
  readonly dirMode?: number
  /** Refuses with EEXIST to replace a file. */
  readonly exclusive?: boolean
  /** Others may write the file at the same time: each has a draft of its own. Without it a kill leaves no more than one. */
  readonly shared?: boolean
}

/**
 * Writes a file that is there whole or not at all, and that a power cut does not take away again: beside its place, synced,
 * put there in one step, the directory synced. A failure leaves what was there. @throws what the system says
 */
export async function writeFileDurably(
  path: string,
  content: string | Uint8Array,
  options: DurableWrite,
): Promise<void> {
  const dir = dirname(path)
  const created = await makeDirectory(dir, options.dirMode ?? 0o700)
  const { exclusive = false, shared = exclusive } = options
  const draft = shared ? `${path}.${randomUUID()}.new` : `${path}.new`
  try {
    await writeSynced(draft, content, options.mode)
    if (exclusive) await link(draft, path)
    else await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    // The draft's name tells nobody anything.
    if (error instanceof Error && pathOf(error) === draft) Object.assign(error, { path })
    throw error
  }
  if (exclusive) await rm(draft)
  await syncDirectory(dir)
  if (created !== undefined) await syncParents(dir, created)
}

/**
 * As `mkdir` of Node with `recursive`, which does not end where the system says ENOENT although the parent is there, as
 * below /proc. Gives the first directory that had been missing.
 */
async function makeDirectory(dir: string, mode: number): Promise<string | undefined> {
  try {
    return await makeOne(dir, mode)
  } catch (error) {
    const parent = dirname(dir)
    if (systemCode(error) !== 'ENOENT' || parent === dir) throw error
    const above = await makeDirectory(parent, mode)
    const made = await makeOne(dir, mode)
    return above ?? made
  }
}

/** Undefined where it is there. */
async function makeOne(dir: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(dir, { mode })
    return dir
  } catch (error) {
    const isThere = await stat(dir).then(
      (found) => found.isDirectory(),
      () => false,
    )
    if (isThere) return undefined
    throw error
  }
}

/** What was renamed, linked or made in a directory stays so after a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, 'r')
  try {
    await dir.sync()
  } finally {
    await dir.close()
  }
}

async function writeSynced(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  // What lies there was left by one that was killed, and may have other rights.
  await rm(path, { force: true })
  const file = await open(path, 'wx', mode)
  try {
    await file.chmod(mode)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** From `dir` up to the one that holds `created`, the first that had been missing. */
async function syncParents(dir: string, created: string): Promise<void> {
  const top = dirname(created)
  for (let next = dirname(dir); next.length >= top.length; next = dirname(next)) {
    await syncDirectory(next)
    if (next === top) return
  }
}
