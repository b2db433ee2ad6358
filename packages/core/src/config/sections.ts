import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import * as v from 'valibot'
import { PlaygroundError, isPlaygroundError } from '../errors.js'
import { ROLES } from '../model/role.js'
import { addressProblem } from './address.js'
import { parsePsk } from './psk.js'
import { readSecretFile } from './secret-file.js'
import { timestamp } from './schema-parts.js'
import type { Layers } from './layers.js'

const multiaddr = v.pipe(
  v.string(),
  v.startsWith('/', 'must be a multiaddr like /ip4/0.0.0.0/tcp/4001'),
  v.check(
    (text) => !text.startsWith('/') || addressProblem(text) === undefined,
    ({ input }) => addressProblem(input) ?? '',
  ),
)

/** One, or two while it is rotated. */
const oneOrTwo = v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(2))])

/** The keys of `p2p`, the same in daemon.yaml and controller.yaml. */
export const p2pSchema = v.strictObject({
  listen_addresses: v.optional(
    v.pipe(v.array(multiaddr), v.description('Multiaddrs to listen on; port 0 takes a free one.')),
  ),
  enable_mdns: v.optional(
    v.pipe(v.boolean(), v.description('Find nodes on the local network.')),
    true,
  ),
  bootstrap_peers: v.optional(
    v.pipe(v.array(multiaddr), v.description('Multiaddrs to dial at start.')),
    [],
  ),
  announce_addresses: v.optional(
    v.pipe(
      v.array(multiaddr),
      v.description('Multiaddrs to tell others instead of the ones seen here.'),
    ),
    [],
  ),
  psk: v.optional(
    v.pipe(
      oneOrTwo,
      v.description(
        'Pre-shared key, 64 hex characters; two while rotating: the first is used, both are proved.',
      ),
    ),
  ),
  psk_file: v.optional(
    v.pipe(
      oneOrTwo,
      v.description(
        'swarm.key file with the pre-shared key, mode 0600; two while rotating. Without effect beside psk.',
      ),
    ),
  ),
  allowed_peers: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description('PeerIDs that may connect; empty: all that pass the handshake.'),
    ),
    [],
  ),
  relay: v.optional(
    v.strictObject({
      client: v.optional(
        v.pipe(v.boolean(), v.description('Has no effect in this version.')),
        true,
      ),
      server: v.optional(
        v.pipe(v.boolean(), v.description('Has no effect in this version.')),
        false,
      ),
    }),
  ),
})

/** `psk` or `psk_file` as keys; none when neither is set. @throws CONFIG_PSK, CONFIG_PERMISSIONS */
export async function readPsks(
  p2p: v.InferOutput<typeof p2pSchema>,
  layers: Layers,
): Promise<readonly Uint8Array[]> {
  if (p2p.psk !== undefined) {
    for (const file of layers.files) await readSecretFile(file)
    return listOf(p2p.psk).map((text) => parsePsk(text, layers.positionOf(['p2p', 'psk'])))
  }
  const paths = listOf(p2p.psk_file ?? []).map((path) => resolvePath(path, layers.baseDir))
  return Promise.all(
    paths.map(async (file) =>
      parsePsk(await readPskFile(file, layers), { file, line: 1, column: 1 }),
    ),
  )
}

async function readPskFile(file: string, { positionOf }: Layers): Promise<string> {
  try {
    return await readSecretFile(file)
  } catch (error) {
    if (!isPlaygroundError(error) || error.code !== 'CONFIG_NOT_FOUND') throw error
    throw new PlaygroundError(error.code, error.message, {
      at: positionOf(['p2p', 'psk_file']),
      hint: 'Correct p2p.psk_file, or make the file: p2p-playground psk --swarm-key',
      cause: error,
    })
  }
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}

/** Reads `/quic` as `/quic-v1`, with a warning for each. */
export function modernAddresses(addresses: readonly string[], warnings: string[]): string[] {
  return addresses.map((address) => {
    if (!/\/quic(\/|$)/.test(address)) return address
    warnings.push(`${address}: "/quic" is read as "/quic-v1"`)
    return address.replace(/\/quic(?=\/|$)/, '/quic-v1')
  })
}

/** The warning for keys that are accepted so that one file serves several versions, but that this one does nothing with. */
export function withoutEffect(keys: readonly (readonly [key: string, isSet: boolean])[]): string[] {
  const set = keys.flatMap(([key, isSet]) => (isSet ? [key] : []))
  if (set.length === 0) return []
  return [`${set.join(', ')} ${set.length === 1 ? 'has' : 'have'} no effect in this version`]
}

/** One entry of `security.trusted_public_keys`. */
export const trustedKeySchema = v.strictObject({
  name: v.pipe(v.string(), v.description('How messages name the key.')),
  key_type: v.optional(
    v.pipe(v.picklist(['ed25519', 'rsa']), v.description('ed25519 or rsa.')),
    'ed25519',
  ),
  public_key: v.pipe(
    v.string(),
    v.description('64 hex characters (ed25519), PEM text, or the path of a PEM file.'),
  ),
  roles: v.optional(v.pipe(v.array(v.picklist(ROLES)), v.description('What its holder may do.')), [
    'publish',
    'operate',
    'observe',
  ]),
  apps: v.optional(v.pipe(v.array(v.string()), v.description('Apps it is for: names or globs.')), [
    '*',
  ]),
  // Beyond the transformation of a timestamp the JSON Schema would not show it.
  not_after: v.pipe(v.optional(timestamp), v.description('End of its validity, RFC 3339.')),
})

export type TrustedKeyEntry = v.InferOutput<typeof trustedKeySchema>

/** A path of a configuration file: `~` is the home directory, a relative one starts beside the file. */
export function resolvePath(path: string, baseDir: string): string {
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1))
  return isAbsolute(path) ? path : resolve(baseDir, path)
}

/** A public key that is written as the path of a PEM file, with that path absolute; any other text as it is. */
export function resolveKeyFile(text: string, baseDir: string): string {
  const trimmed = text.trim()
  if (trimmed.startsWith('-----BEGIN') || /^[0-9a-fA-F]{64}$/.test(trimmed)) return text
  const path = resolvePath(trimmed, baseDir)
  return existsSync(path) ? path : text
}
