import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Whether a uid or gid exists where this process runs. In a container that is a user namespace, only those that were mapped
 * into it do, and nobody can become another (user_namespaces(7): first number inside, first outside, how many).
 */
export async function isMapped(
  kind: 'uid' | 'gid',
  id: number,
  procDir = '/proc/self',
): Promise<boolean> {
  const text = await readFile(join(procDir, `${kind}_map`), 'latin1')
  return text.split('\n').some((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number)
    return id >= first && id < first + count
  })
}
