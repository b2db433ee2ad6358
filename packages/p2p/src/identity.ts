import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { PlaygroundError, systemCode } from '@p2p-playground/core'
import { writeFileDurably } from '@p2p-playground/core/durable-file'
import { readFile, stat } from 'node:fs/promises'

export interface Identity {
  /** base58. */
  readonly peerId: string
  readonly privateKey: PrivateKey
}

/**
 * The libp2p key in `path` (protobuf, 0600); made when there is none.
 * @throws CONFIG_PERMISSIONS when others can read it, STATE_CORRUPT when it is no key
 */
export async function loadIdentity(path: string): Promise<Identity> {
  const bytes = (await read(path)) ?? (await make(path))
  try {
    const privateKey = privateKeyFromProtobuf(bytes)
    return { peerId: peerIdFromPrivateKey(privateKey).toString(), privateKey }
  } catch (cause) {
    throw new PlaygroundError('STATE_CORRUPT', `${path} holds no libp2p key`, {
      hint: 'Restore it from a backup, or delete it to get a new identity.',
      cause,
    })
  }
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) {
      throw new PlaygroundError('CONFIG_PERMISSIONS', `${path} can be read by others`, {
        hint: `Run: chmod 600 ${path}`,
      })
    }
    return await readFile(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Two starters at once agree on one key. */
async function make(path: string): Promise<Uint8Array> {
  const bytes = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
  try {
    await writeFileDurably(path, bytes, { mode: 0o600, exclusive: true })
    return bytes
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    return readFile(path)
  }
}
