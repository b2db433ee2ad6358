import { constants } from 'node:fs'
import { chmod, open, readdir } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '@p2p-playground/core'

const ZEROS = Buffer.alloc(1024 * 1024)
/** stat(2): what `st_blocks` counts in. */
const BLOCK_BYTES = 512

/**
 * Overwrites the content of every file below a directory, durably; nothing when there is none. On disks that write elsewhere
 * than they read (SSDs, copy-on-write file systems) old blocks may stay; only encryption at rest helps there.
 */
export async function overwriteTree(dir: string): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true }).catch(ignoreMissing)
  for (const entry of entries ?? []) {
    if (entry.isFile()) await overwrite(join(entry.parentPath, entry.name))
  }
}

/** The same for one file. */
export async function overwrite(path: string): Promise<void> {
  const file = await openToWrite(path).catch(ignoreMissing)
  if (file === undefined) return
  try {
    const { size, nlink, blocks } = await file.stat()
    // Another name of it may lie elsewhere, and is not ours to overwrite.
    if (nlink > 1) return
    const isSparse = blocks * BLOCK_BYTES < size
    for (let at = 0; at < size; at += ZEROS.length) {
      const length = Math.min(ZEROS.length, size - at)
      // Zeros in a hole would take space, more of it than the disk may have.
      if (!isSparse || !(await isBlank(file, at, length))) await file.write(ZEROS, 0, length, at)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Not where a link leads: what an app left behind may have put one in the place of a file. */
async function openToWrite(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_NOFOLLOW
  try {
    return await open(path, flags)
  } catch (error) {
    if (systemCode(error) !== 'EACCES') throw error
    await chmod(path, 0o600)
    return open(path, flags)
  }
}

async function isBlank(file: FileHandle, at: number, length: number): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at)
  return buffer.subarray(0, bytesRead).equals(ZEROS.subarray(0, bytesRead))
}

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) === 'ENOENT') return undefined
  throw error
}
