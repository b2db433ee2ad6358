import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const ZEROS = Buffer.alloc(1024 * 1024)

/**
 * Overwrites the content of every file below a directory, durably. On disks that write elsewhere than they read (SSDs,
 * copy-on-write file systems) old blocks may stay; only encryption at rest helps there.
 */
export async function overwriteTree(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) await overwrite(join(entry.parentPath, entry.name))
  }
}

/** The same for one file. */
export async function overwrite(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { size, nlink } = await file.stat()
    // Another name of it may lie elsewhere, and is not ours to overwrite.
    if (nlink > 1) return
    for (let at = 0; at < size; at += ZEROS.length)
      await file.write(ZEROS, 0, Math.min(ZEROS.length, size - at), at)
    await file.sync()
  } finally {
    await file.close()
  }
}
