import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PlaygroundError, systemCode } from '@p2p-playground/core'
import type { SourcePosition } from '@p2p-playground/core'
import { writeFileDurably } from '@p2p-playground/core/durable-file'

/** Names the daemon by its PeerID, which it has for good, wherever its home is. */
const CLAIM = '.p2p-playground-daemon'

/**
 * Takes a directory for this daemon, for good: what another one keeps there is unknown to this one, which would sweep it away.
 * @throws CONFIG_INVALID when another has taken it
 */
export async function claimDirectory(
  dir: string,
  peerId: string,
  at: SourcePosition,
): Promise<void> {
  const path = join(dir, CLAIM)
  const owner = (await ownerOf(path)) ?? (await take(path, peerId))
  if (owner === peerId) return
  throw new PlaygroundError('CONFIG_INVALID', `${dir} is of another daemon, ${String(owner)}`, {
    at,
    hint: `Give each daemon a directory of its own; if that one is gone for good, delete ${path}.`,
  })
}

async function ownerOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Gives who has it: of two at once, the first. */
async function take(path: string, peerId: string): Promise<string | undefined> {
  try {
    await writeFileDurably(path, `${peerId}\n`, { mode: 0o600, exclusive: true })
    return peerId
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return ownerOf(path)
    throw error
  }
}
