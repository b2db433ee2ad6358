import { lstat, readdir, readlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { PlaygroundError, systemCode } from '../errors.js'

/** One thing in an application directory. */
export type TreeEntry =
  | { readonly type: 'directory'; readonly path: string }
  | {
      readonly type: 'file'
      readonly path: string
      readonly executable: boolean
      readonly sizeBytes: number
      /** What is packed instead of what the file holds. */
      readonly content?: Uint8Array
    }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }

/** Whether to read on: of what it does not take, nothing but its name and kind is looked at. */
type Takes = (path: string, isDirectory: boolean) => boolean

/**
 * Everything below `dir` that `takes` takes, parents before children, names in the order of their bytes.
 * @throws BUNDLE_PACK for what cannot be in a package
 */
export async function readTree(dir: string, takes: Takes): Promise<TreeEntry[]> {
  try {
    return await readInto({ dir, takes }, '')
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') throw packError(`there is no directory ${dir}`, error)
    if (code === 'ENOTDIR') throw packError(`${dir} is not a directory`, error)
    throw error
  }
}

async function readInto(
  root: { readonly dir: string; readonly takes: Takes },
  below: string,
): Promise<TreeEntry[]> {
  const found = await readdir(join(root.dir, below), { withFileTypes: true })
  found.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  const entries: TreeEntry[] = []
  for (const one of found) {
    const path = below === '' ? one.name : `${below}/${one.name}`
    if (!root.takes(path, one.isDirectory())) continue
    const info = await lstat(join(root.dir, path))
    if (info.isDirectory())
      entries.push({ type: 'directory', path }, ...(await readInto(root, path)))
    else if (info.isFile()) {
      entries.push({
        type: 'file',
        path,
        executable: (info.mode & 0o111) !== 0,
        sizeBytes: info.size,
      })
    } else if (info.isSymbolicLink()) entries.push(await readLink(root.dir, path))
    else throw packError(`${join(root.dir, path)} is neither a file nor a directory nor a symlink`)
  }
  return entries
}

async function readLink(dir: string, path: string): Promise<TreeEntry> {
  const target = await readlink(join(dir, path))
  const resolved = posix.normalize(posix.join(posix.dirname(path), target))
  if (target.startsWith('/') || resolved === '..' || resolved.startsWith('../')) {
    throw packError(`${join(dir, path)} is a symlink to ${target}, outside of the application`)
  }
  return { type: 'symlink', path, target }
}

function packError(what: string, cause?: unknown): PlaygroundError {
  return new PlaygroundError('BUNDLE_PACK', what, { cause })
}
