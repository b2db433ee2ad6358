import * as v from 'valibot'
import {
  checkSchema,
  modernAddresses,
  p2pSchema,
  readLayers,
  readPsks,
  resolvePath,
  showConfig,
} from '@p2p-playground/core/config'
import type { ConfigRequest, ShownValue } from '@p2p-playground/core/config'
import { existsSync } from 'node:fs'

const LATER = 'Has no effect in this version.'

const listener = v.optional(
  v.strictObject({
    enabled: v.optional(v.pipe(v.boolean(), v.description(LATER)), true),
    listen: v.optional(v.pipe(v.string(), v.description(LATER))),
  }),
  {},
)

/** The definition that controller.yaml is checked against. The `api` keys are accepted for later. */
export const controllerSchema = v.strictObject({
  controller: v.optional(
    v.strictObject({
      name: v.optional(v.pipe(v.string(), v.description('Name of the controller.')), 'controller'),
    }),
    {},
  ),
  p2p: v.optional(p2pSchema, {}),
  security: v.optional(
    v.strictObject({
      signing_key_path: v.optional(
        v.pipe(v.string(), v.description('Private key: signs packages, proves roles.')),
      ),
      signing_key_type: v.optional(
        v.pipe(v.picklist(['ed25519', 'rsa']), v.description('ed25519 or rsa.')),
        'ed25519',
      ),
    }),
    {},
  ),
  api: v.optional(
    v.strictObject({
      grpc: listener,
      http: listener,
      web: listener,
      tls: v.optional(
        v.strictObject({
          cert: v.pipe(v.string(), v.description(LATER)),
          key: v.pipe(v.string(), v.description(LATER)),
        }),
      ),
      tokens_file: v.optional(v.pipe(v.string(), v.description(LATER))),
      insecure: v.optional(v.pipe(v.boolean(), v.description(LATER)), false),
    }),
    {},
  ),
})

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
  readonly signingKeyPath: string | undefined
}

export interface LoadedControllerConfig {
  readonly config: ControllerConfig
  readonly files: readonly string[]
  readonly warnings: readonly string[]
  readonly shown: readonly ShownValue[]
}

/**
 * The effective configuration of a controller. Without controller.yaml it uses what `init` and `join` leave beside it:
 * `signing.key` and `swarm.key`.
 * @throws the CONFIG_ codes, as `loadDaemonConfig`
 */
export async function loadControllerConfig(
  request: ConfigRequest,
): Promise<LoadedControllerConfig> {
  const layers = await readLayers('controller', request)
  const raw = checkSchema(controllerSchema, layers.value, layers.positionOf, layers)
  const warnings: string[] = []
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
  const keyPath = raw.security.signing_key_path
  const config: ControllerConfig = {
    name: raw.controller.name,
    p2p: {
      listenAddresses: modernAddresses(raw.p2p.listen_addresses ?? [], warnings),
      bootstrapPeers: raw.p2p.bootstrap_peers,
      enableMdns: raw.p2p.enable_mdns,
      psk: await readPsks(p2p, layers),
      allowedPeers: raw.p2p.allowed_peers,
    },
    signingKeyPath:
      keyPath === undefined
        ? existsSync(home.signingKey)
          ? home.signingKey
          : undefined
        : resolvePath(keyPath, layers.baseDir),
  }
  return { config, files: layers.files, warnings, shown: showConfig(raw, layers.origins) }
}
