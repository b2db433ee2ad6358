import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { PlaygroundError } from '@p2p-playground/core'
import type { RunUser, SourcePosition } from '@p2p-playground/core'
import { isMapped } from './mapped-ids.js'

const run = promisify(execFile)

/** Nobody else gives the numbers from here on away (systemd: UIDS-GIDS.md, "unused" above 1879048192). */
export const FIRST_UID = 1_900_000_000

/** Of containers, which may have some of the machine's numbers only. */
const HINT = 'Name a user whose numbers are in /proc/self/uid_map and gid_map, or map more.'

/**
 * A user by name, or a uid with the group of its user, or with the group of the same number when nobody has it.
 * `id` asks wherever this machine keeps its users. Undefined for `dynamic`, which is another for each app.
 * @throws CONFIG_INVALID
 */
export async function lookUpUser(
  user: string,
  at: SourcePosition,
  procDir?: string,
): Promise<RunUser | undefined> {
  if (user === 'dynamic') {
    if (await isMapped('uid', FIRST_UID, procDir)) return undefined
    const message = `runtime.user: dynamic gives uids from ${String(FIRST_UID)} on, which this container does not have`
    throw new PlaygroundError('CONFIG_INVALID', message, { at, hint: HINT })
  }
  const uid = /^\d+$/.test(user) ? Number(user) : await ask('-u', user)
  if (uid === undefined) {
    throw new PlaygroundError('CONFIG_INVALID', `there is no user "${user}" on this machine`, {
      at,
      hint: 'Name one that exists, give a uid, or write "dynamic" for one of its own for each app.',
    })
  }
  const found = { uid, gid: (await ask('-g', user)) ?? uid }
  for (const kind of ['uid', 'gid'] as const) {
    if (await isMapped(kind, found[kind], procDir)) continue
    const message = `there is no ${kind} ${String(found[kind])} in this container`
    throw new PlaygroundError('CONFIG_INVALID', message, { at, hint: HINT })
  }
  return found
}

async function ask(option: '-u' | '-g', user: string): Promise<number | undefined> {
  try {
    const { stdout } = await run('id', [option, '--', user])
    return Number(stdout.trim())
  } catch {
    // `id` ends with 1 and says that it knows none.
    return undefined
  }
}
