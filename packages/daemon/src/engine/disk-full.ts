import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { PlaygroundError, errorMessage, isPlaygroundError, systemCode } from '@p2p-playground/core'

/** True for what another try may heal, once somebody has made room. */
export function isDiskFull(error: unknown): boolean {
  return isPlaygroundError(error) && (error.code === 'STATE_DISK' || error.code === 'TRANSFER_DISK')
}

/** An error of the file system at `path`; a full disk as STATE_DISK that names the disk, any other as it is. */
export function asDiskError(error: unknown, path: string): unknown {
  const code = systemCode(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  const disk = mountPointOf(path)
  return new PlaygroundError(
    'STATE_DISK',
    `no space left on ${disk}, which holds ${path}: ${errorMessage(error)}`,
    {
      hint: `Free space on ${disk}, or remove versions with "p2p-playground app remove".`,
      cause: error,
    },
  )
}

/** The directory that a path's file system is mounted on. */
export function mountPointOf(path: string): string {
  let dir = path
  let device = deviceOf(dir)
  // A path that does not exist yet is on the disk of the nearest one that does.
  while (device === undefined && dir !== dirname(dir)) {
    dir = dirname(dir)
    device = deviceOf(dir)
  }
  while (dir !== dirname(dir) && deviceOf(dirname(dir)) === device) dir = dirname(dir)
  return dir
}

function deviceOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.dev
}
