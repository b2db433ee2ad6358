import { existsSync } from 'node:fs'
import { cp, mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, systemCode } from '@p2p-playground/core/errors'
import { claimDirectory } from './claim-directory.js'
import type { ClaimedDirectory } from './claim-directory.js'

/** What npm and we keep in the directory; package.json last: with it a change is done. */
export const PARTS = ['tarballs', 'node_modules', 'package-lock.json', 'package.json'] as const

/** Beside the parts of the next state: those of the last, while they change places. */
const LAST = '.last'

/**
 * Changes a copy of the directory, and puts it in its place once `work` is through: whatever goes wrong on the way (no network,
 * a full disk, a kill) leaves what was installed as it was, and a daemon that runs reads nothing half written.
 * The copy lies beside the directory, so that links keep their length; it is the lock as well.
 * @throws STATE_DISK, PLUGIN_INSTALL when another change is under way
 */
export async function changeStaged<Result>(
  dir: string,
  work: (staged: string) => Promise<Result>,
): Promise<Result> {
  const staged = `${dir}.next`
  let claim: ClaimedDirectory
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    claim = await claimDirectory(staged)
  } catch (error) {
    throw explain(error, dir)
  }
  try {
    if (claim.isTakenOver) {
      await putRight(staged, dir)
      await claim.clear()
    }
    for (const part of PARTS) {
      if (!existsSync(join(dir, part))) continue
      await cp(join(dir, part), join(staged, part), {
        recursive: true,
        preserveTimestamps: true,
        verbatimSymlinks: true,
      })
    }
    const result = await work(staged)
    await swap(staged, dir)
    return result
  } catch (error) {
    throw explain(error, dir)
  } finally {
    await claim.release()
  }
}

/** What a killed change left in the middle goes back. */
async function putRight(staged: string, dir: string): Promise<void> {
  for (const part of PARTS) {
    const last = join(staged, LAST, part)
    if (existsSync(last) && !existsSync(join(dir, part))) await rename(last, join(dir, part))
  }
}

/** The parts change places; when one does not, those that did go back. */
async function swap(staged: string, dir: string): Promise<void> {
  const moved: (() => Promise<void>)[] = []
  const move = async (from: string, to: string): Promise<void> => {
    if (!existsSync(from)) return
    await rename(from, to)
    moved.push(async () => rename(to, from))
  }
  await mkdir(join(staged, LAST))
  try {
    for (const part of PARTS) {
      await move(join(dir, part), join(staged, LAST, part))
      await move(join(staged, part), join(dir, part))
    }
  } catch (error) {
    for (const undo of moved.reverse()) await undo()
    throw error
  }
}

function explain(cause: unknown, dir: string): unknown {
  const code = systemCode(cause)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new PlaygroundError('STATE_DISK', `there is no room for plugins in ${dir}`, {
      hint: 'Make room and try again; nothing was changed.',
      cause,
    })
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new PlaygroundError('PLUGIN_INSTALL', `you may not write to ${dir}`, {
      hint: 'Install as the user to whom the home belongs.',
      cause,
    })
  }
  return cause
}
