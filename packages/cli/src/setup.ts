import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { Flags } from '@oclif/core'
import type { Role } from '@p2p-playground/core'
import { PlaygroundError } from '@p2p-playground/core/errors'
import type { Home } from '@p2p-playground/core/home'

/** One key that a new daemon.yaml trusts, and how far. */
export interface KeyToTrust {
  readonly name: string
  readonly type: 'ed25519' | 'rsa'
  readonly publicKey: string
  readonly roles: readonly Role[]
  readonly apps: readonly string[]
  /** Milliseconds since the epoch; null: no end. */
  readonly notAfterMs: number | null
}

export interface DaemonSetup {
  readonly name?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly listen?: readonly string[] | undefined
  readonly mdns?: boolean | undefined
  /** Each 64 hex characters, the first kept in swarm.key; none for a network without one. */
  readonly psks: readonly string[]
  readonly keys: readonly KeyToTrust[]
  /** As `security.revoked_keys` has them. */
  readonly revokedKeys?: readonly string[] | undefined
  readonly bootstrapPeers?: readonly string[] | undefined
}

const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/4001']

/** What a new daemon.yaml is made of. */
export const newNodeFlags = {
  name: Flags.string({ description: 'Name of the node; default: the host name.' }),
  label: Flags.string({
    aliases: ['labels'],
    delimiter: ',',
    description: 'Labels of the node: key=value,other=value; may be repeated.',
    multiple: true,
    multipleNonGreedy: true,
  }),
  listen: Flags.string({
    description: `Multiaddr to listen on; may be repeated. Default ${DEFAULT_LISTEN.join(', ')}.`,
    multiple: true,
    multipleNonGreedy: true,
  }),
  mdns: Flags.boolean({
    description: 'Find nodes on the local network.',
    default: true,
    allowNo: true,
  }),
}

/** @throws USAGE for a --name or a --listen that a daemon.yaml with it could not be loaded for */
export async function checkNewNode({
  name,
  listen = [],
}: Pick<DaemonSetup, 'name' | 'listen'>): Promise<void> {
  if (name?.trim() === '') {
    throw new PlaygroundError('USAGE', '--name is empty', {
      hint: 'Leave it out to name the node as the host.',
    })
  }
  const [{ nodeNameProblem }, { addressProblem }] = await Promise.all([
    import('@p2p-playground/core'),
    import('@p2p-playground/core/config'),
  ])
  const nameProblem = name === undefined ? undefined : nodeNameProblem(name)
  if (nameProblem !== undefined) {
    throw new PlaygroundError('USAGE', `--name "${name ?? ''}": ${nameProblem}`, {
      hint: 'Use letters, digits and dashes: node-1.',
    })
  }
  for (const address of listen) {
    const problem = addressProblem(address)
    if (problem === undefined) continue
    throw new PlaygroundError('USAGE', `--listen ${address}: ${problem}`, {
      hint: `Write it as ${DEFAULT_LISTEN.join(', ')}; port 0 takes a free one.`,
    })
  }
}

/** Text of a daemon.yaml. */
export async function daemonYaml(setup: DaemonSetup): Promise<string> {
  const { stringify } = await import('yaml')
  const { revokedKeys = [] } = setup
  const head = '# The node on this machine. All keys: docs/configuration.md\n'
  return (
    head +
    stringify({
      node: {
        name: setup.name ?? hostname(),
        ...(setup.labels === undefined ? {} : { labels: setup.labels }),
      },
      p2p: {
        listen_addresses: setup.listen ?? DEFAULT_LISTEN,
        enable_mdns: setup.mdns ?? true,
        ...(setup.bootstrapPeers === undefined ? {} : { bootstrap_peers: setup.bootstrapPeers }),
        ...pskEntry(setup.psks),
      },
      security: {
        trusted_public_keys: setup.keys.map((key) => ({
          name: key.name,
          key_type: key.type,
          public_key: key.publicKey,
          roles: key.roles,
          ...(isForAll(key) ? {} : { apps: key.apps }),
          ...(key.notAfterMs === null ? {} : { not_after: new Date(key.notAfterMs).toISOString() }),
        })),
        ...(revokedKeys.length === 0 ? {} : { revoked_keys: revokedKeys }),
      },
    })
  )
}

/** The file holds one; two, while rotating, stand in daemon.yaml itself. */
function pskEntry(psks: readonly string[]): Readonly<Record<string, unknown>> {
  if (psks.length === 0) return {}
  return psks.length === 1 ? { psk_file: 'swarm.key' } : { psk: psks }
}

/** As a key is that names no apps. */
function isForAll({ apps }: KeyToTrust): boolean {
  return apps.length === 1 && apps[0] === '*'
}

/** Text of a controller.yaml that uses the key and PSK beside it. */
export async function controllerYaml(options: {
  readonly mdns: boolean
  readonly keyType: KeyToTrust['type']
}): Promise<string> {
  const { stringify } = await import('yaml')
  return (
    '# What commands on this machine use. All keys: docs/configuration.md\n' +
    stringify({
      controller: { name: `${hostname()}-controller` },
      p2p: { enable_mdns: options.mdns, psk_file: 'swarm.key' },
      security: { signing_key_path: 'signing.key', signing_key_type: options.keyType },
    })
  )
}

/** Writes a file that must not be there yet. @throws CONFIG_EXISTS */
export async function writeNew(path: string, text: string): Promise<void> {
  if (existsSync(path)) {
    throw new PlaygroundError('CONFIG_EXISTS', `${path} is there already`, {
      hint: 'Move it away, or use another --home.',
    })
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, text, { mode: 0o600, flag: 'wx' })
  await chmod(path, 0o600)
}

/** The PSK of a home as 64 hex characters; made when there is none. */
export async function ensurePsk(home: Home): Promise<string> {
  const { formatSwarmKey, generatePsk, parsePsk, readSecretFile } =
    await import('@p2p-playground/core/config')
  if (existsSync(home.swarmKey)) {
    return Buffer.from(parsePsk(await readSecretFile(home.swarmKey))).toString('hex')
  }
  const psk = generatePsk()
  await writeNew(home.swarmKey, formatSwarmKey(psk))
  return Buffer.from(psk).toString('hex')
}
