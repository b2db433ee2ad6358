import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { PlaygroundError, systemCode } from '@p2p-playground/core'
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

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

/** Written whole under another name, then linked: two starters at once agree on one key. */
async function make(path: string): Promise<Uint8Array> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${String(process.pid)}`
  await writeFile(draft, privateKeyToProtobuf(await generateKeyPair('Ed25519')), { mode: 0o600 })
  await chmod(draft, 0o600)
  try {
    await link(draft, path)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  return readFile(path)
}
