import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { errorMessage, systemCode } from '@p2p-playground/core'
import type { Enforcement, RunUser } from '@p2p-playground/core'

const run = promisify(execFile)

/** To try it with: a uid that every machine and every container has. */
const TRIED: RunUser = { uid: 1, gid: 1 }
const TRY_LIMIT_MS = 5000

/** Changes the user of a program by setpriv(1) of util-linux: it can never be another again. */
export class Setpriv {
  readonly #path: string
  #support: Promise<Enforcement> | undefined

  constructor(path = '/usr/bin/setpriv') {
    this.#path = path
  }

  /** Tried once, by running something as another user. */
  async support(): Promise<Enforcement> {
    this.#support ??= this.#probe()
    return this.#support
  }

  /** What to put before the program's command so that it runs as that user. */
  command({ uid, gid }: RunUser): string[] {
    const ids = [`--reuid=${String(uid)}`, `--regid=${String(gid)}`, '--clear-groups']
    return [this.#path, ...ids, '--inh-caps=-all', '--no-new-privs']
  }

  async #probe(): Promise<Enforcement> {
    if (process.getuid?.() !== 0) return { enforced: false, why: 'the daemon is not root' }
    const [program, ...args] = [...this.command(TRIED), '/bin/sh', '-c', ':']
    try {
      await run(program, args, { cwd: '/', timeout: TRY_LIMIT_MS })
      return { enforced: true, by: 'setpriv' }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') {
        return { enforced: false, why: `there is no ${this.#path} (Debian package util-linux)` }
      }
      return { enforced: false, why: `setpriv does not work here: ${complaint(error)}` }
    }
  }
}

/** One for all runtimes of this process. */
export const setpriv = new Setpriv()

/** The first line that a program complained with, or what is known of its end. */
function complaint(error: unknown): string {
  const { stderr = '' } = error as { readonly stderr?: string }
  const [line = ''] = stderr.trim().split('\n')
  return line.replace(/^\S*setpriv: /, '') || errorMessage(error)
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
