import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { RunUser } from '@p2p-playground/core'

const run = promisify(execFile)

/** What to put before the program's command so that it runs as that user, and can never be another again. */
export function asUser(user: RunUser | undefined): string[] {
  if (user === undefined) return []
  const ids = [`--reuid=${String(user.uid)}`, `--regid=${String(user.gid)}`, '--clear-groups']
  return ['/usr/bin/setpriv', ...ids, '--inh-caps=-all', '--no-new-privs']
}

/**
 * Gives a directory and everything in it to the user whom a program is to run as; to the daemon's own where it names none.
 * The directory itself goes last, so that what is its user's is done. `chown -R` holds directories open on its way and
 * never follows a link: what lies there may be somebody's trap.
 */
export async function handOver(dir: string, user: RunUser | undefined): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = user ?? { uid: 0, gid: 0 }
  const owner = await stat(dir)
  if (owner.uid === uid && owner.gid === gid) return
  await run('chown', ['-R', '-h', '-P', '--', `${String(uid)}:${String(gid)}`, dir])
}
