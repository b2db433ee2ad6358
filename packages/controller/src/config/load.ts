import { existsSync } from 'node:fs'
import {
  checkSchema,
  modernAddresses,
  readLayers,
  readPsks,
  resolvePath,
  showConfig,
  withoutEffect,
} from '@p2p-playground/core/config'
import type { ConfigRequest, Home, Layers, ShownValue } from '@p2p-playground/core/config'
import type * as v from 'valibot'
import { controllerSchema } from './schema.js'
import type { SigningKeyEntry } from './signing-key.js'

/** controller.yaml with defaults in place and paths absolute. */
export interface ControllerConfig {
  readonly name: string
  readonly p2p: {
    readonly listenAddresses: readonly string[]
    readonly bootstrapPeers: readonly string[]
    readonly enableMdns: boolean
    readonly psk: readonly Uint8Array[]
    readonly allowedPeers: readonly string[]
  }
  /** Undefined when there is no key: then nothing can be signed and no role is proved. */
  readonly signingKey: SigningKeyEntry | undefined
}

export interface LoadedControllerConfig {
  readonly config: ControllerConfig
  readonly files: readonly string[]
  readonly warnings: readonly string[]
  readonly shown: readonly ShownValue[]
}

/** For the API of a controller, which this version does not have. */
const API_KEYS = ['grpc', 'http', 'web', 'tls', 'tokens_file', 'insecure']

/**
 * The effective configuration of a controller. Without controller.yaml it uses what `init` and `join` leave in the home:
 * `signing.key` and `swarm.key`.
 * @throws the CONFIG_ codes, as `loadDaemonConfig`
 */
export async function loadControllerConfig(
  request: ConfigRequest,
): Promise<LoadedControllerConfig> {
  const layers = await readLayers('controller', request)
  const raw = checkSchema(controllerSchema, layers.value, layers.positionOf, layers)
  const warnings = withoutEffect([
    ['p2p.announce_addresses', raw.p2p.announce_addresses.length > 0],
    ['p2p.relay', raw.p2p.relay !== undefined],
    ...API_KEYS.map((key) => [`api.${key}`, isSet(`api.${key}`, layers)] as const),
  ])
  const { home } = request
  const p2p = { ...raw.p2p }
  if (
    p2p.psk === undefined &&
    p2p.psk_file === undefined &&
    layers.files.length === 0 &&
    existsSync(home.swarmKey)
  ) {
    p2p.psk_file = home.swarmKey
  }
  const config: ControllerConfig = {
    name: raw.controller.name,
    p2p: {
      listenAddresses: modernAddresses(raw.p2p.listen_addresses ?? [], warnings),
      bootstrapPeers: raw.p2p.bootstrap_peers,
      enableMdns: raw.p2p.enable_mdns,
      psk: await readPsks(p2p, layers),
      allowedPeers: raw.p2p.allowed_peers,
    },
    signingKey: signingKeyOf(raw.security, layers, home),
  }
  return { config, files: layers.files, warnings, shown: showConfig(raw, layers.origins) }
}

/** Whether a file gives a value to a key, or to one below it. */
function isSet(key: string, { origins }: Layers): boolean {
  return [...origins.keys()].some((path) => path === key || path.startsWith(`${key}.`))
}

/** The key that controller.yaml names, which must be there; otherwise that of the home, when it is there. */
function signingKeyOf(
  {
    signing_key_path: path,
    signing_key_type: type,
  }: v.InferOutput<typeof controllerSchema>['security'],
  { baseDir, origins, positionOf }: Layers,
  home: Home,
): SigningKeyEntry | undefined {
  const at = positionOf(['security', 'signing_key_path'])
  if (path !== undefined) return { path: resolvePath(path, baseDir), type, at }
  if (!existsSync(home.signingKey)) return undefined
  const isTyped = origins.has('security.signing_key_type')
  return { path: home.signingKey, type: isTyped ? type : undefined, at: isTyped ? at : undefined }
}
