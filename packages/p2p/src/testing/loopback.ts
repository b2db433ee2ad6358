import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { systemClock } from '@p2p-playground/core'
import type { Logger, Role } from '@p2p-playground/core'
import { buildPieceList, signingKeyOf } from '@p2p-playground/core/bundle'
import type { KeyType, PieceList, SigningKey, TrustedKey } from '@p2p-playground/core/bundle'
import { createHost } from '../host.js'
import type { Host, HostOptions } from '../host.js'
import type { Identity } from '../identity.js'

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

export async function newIdentity(): Promise<Identity> {
  const privateKey = await generateKeyPair('Ed25519')
  return { peerId: peerIdFromPrivateKey(privateKey).toString(), privateKey }
}

/** A host for loopback: it will listen on a free TCP port, finds nobody by itself, and says nothing. */
export async function testHost(options: Partial<HostOptions> = {}): Promise<Host> {
  return createHost({
    identity: options.identity ?? (await newIdentity()),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    agent: 'test',
    discoveries: new Map(),
    mdns: false,
    staticPeers: [],
    bootstrapPeers: [],
    trustedKeys: [],
    logger: silent,
    clock: systemClock,
    ...options,
  })
}

/** Hosts and directories of one test, all gone after `close`. */
export class Loopback {
  readonly #closers: (() => Promise<unknown>)[] = []

  /** As `testHost`, started. */
  async host(options: Partial<HostOptions> = {}): Promise<Host> {
    const host = await testHost(options)
    this.#closers.push(() => host.stop())
    await host.start()
    return host
  }

  async dir(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'p2p-'))
    this.#closers.push(() => rm(path, { recursive: true, force: true }))
    return path
  }

  /** A file of random bytes and its pieces. */
  async file(sizeBytes: number): Promise<{ path: string; list: PieceList; bytes: Buffer }> {
    const path = join(await this.dir(), 'package')
    const bytes = randomBytes(sizeBytes)
    await writeFile(path, bytes)
    return { path, list: await buildPieceList(path), bytes }
  }

  onClose(close: () => Promise<unknown>): void {
    this.#closers.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }
}

export function addressOf(host: Host): string {
  const [address] = host.addresses()
  if (address === undefined) throw new Error('the host does not listen')
  return address
}

/** A key pair as both sides of a handshake hold it. */
export interface TestKey {
  readonly signing: SigningKey
  readonly trusted: TrustedKey
}

export function keyPair(
  type: KeyType,
  options: Partial<Pick<TrustedKey, 'name' | 'roles' | 'apps' | 'notAfterMs'>> = {},
): TestKey {
  const { privateKey, publicKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const roles: Role[] = ['operate', 'observe']
  return {
    signing: signingKeyOf(privateKey, 'test'),
    trusted: {
      name: `${type} key`,
      type,
      spki,
      fingerprint: createHash('sha256').update(spki).digest('hex'),
      roles,
      apps: ['*'],
      notAfterMs: null,
      ...options,
    },
  }
}
