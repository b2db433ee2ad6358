import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { PlaygroundError, systemCode } from './errors.js'

/** What the system says of a path, in our words; `path` is the one to name. */
type Explain = (path: string) => { readonly message: string; readonly hint: string }

const elsewhere = 'Choose another path, or give yourself the rights.'

const REASONS: Readonly<Record<string, Explain>> = {
  ENOENT: (path) => {
    const dir = missingDirectory(path)
    return dir === undefined
      ? { message: `there is no ${path}`, hint: 'Check the path.' }
      : { message: `there is no directory ${dir}`, hint: 'Make it, or correct the path.' }
  },
  EISDIR: (path) => ({ message: `${path} is a directory, not a file`, hint: 'Name a file.' }),
  ENOTDIR: notDirectory,
  EEXIST: (path) =>
    isFile(path)
      ? notDirectory(path)
      : { message: `${path} is there already`, hint: 'Choose another path, or move it away.' },
  EACCES: (path) => ({ message: `this user may not access ${path}`, hint: elsewhere }),
  EPERM: (path) => ({ message: `this user may not access ${path}`, hint: elsewhere }),
  EROFS: (path) => ({
    message: `${path} is on a file system that is read-only`,
    hint: 'Choose another path.',
  }),
}

/**
 * A system error of a path as FILE_ACCESS (a full disk as STATE_DISK), with the path that the user gave where the error has a
 * temporary one; anything else as it is.
 */
export function fileError(error: unknown, path = pathOf(error)): unknown {
  const code = systemCode(error)
  if (code === undefined || path === undefined) return error
  if (code === 'ENOSPC') {
    const options = { hint: 'Free some.', cause: error }
    return new PlaygroundError('STATE_DISK', `no space left for ${path}`, options)
  }
  if (!Object.hasOwn(REASONS, code)) return error
  const reason = REASONS[code]?.(path)
  if (reason === undefined) return error
  return new PlaygroundError('FILE_ACCESS', reason.message, { hint: reason.hint, cause: error })
}

/** The path that a system error is about; undefined when it is about none. */
export function pathOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('path' in error)) return undefined
  return typeof error.path === 'string' ? error.path : undefined
}

function notDirectory(path: string): ReturnType<Explain> {
  let at = path
  while (!isFile(at) && at !== dirname(at)) at = dirname(at)
  return { message: `${at} is a file, not a directory`, hint: 'Name a directory.' }
}

/** The topmost directory on the way to `path` that is not there. */
function missingDirectory(path: string): string | undefined {
  let missing: string | undefined
  for (let dir = dirname(path); dir !== dirname(dir) && !existsSync(dir); dir = dirname(dir))
    missing = dir
  return missing
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true
  } catch {
    // What cannot be looked at is not known to be a file.
    return false
  }
}
