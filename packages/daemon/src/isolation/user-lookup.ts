import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { PlaygroundError } from '@p2p-playground/core'
import type { RunUser, SourcePosition } from '@p2p-playground/core'

const run = promisify(execFile)

/**
 * A user by name, or a uid with the group of its user, or with the group of the same number when nobody has it.
 * `id` asks wherever this machine keeps its users.
 * @throws CONFIG_INVALID
 */
export async function lookUpUser(user: string, at: SourcePosition): Promise<RunUser> {
  const uid = /^\d+$/.test(user) ? Number(user) : await ask('-u', user)
  if (uid === undefined) {
    throw new PlaygroundError('CONFIG_INVALID', `there is no user "${user}" on this machine`, {
      at,
      hint: 'Name one that exists, give a uid, or write "dynamic" for one of its own for each app.',
    })
  }
  return { uid, gid: (await ask('-g', user)) ?? uid }
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
