import { hostname } from 'node:os'
import { LOG_KINDS } from '@p2p-playground/core'
import type {
  LogKind,
  RunLimits,
  SandboxMode,
  SourcePosition,
  UpdatePolicy,
} from '@p2p-playground/core'
import {
  checkSchema,
  modernAddresses,
  readLayers,
  readPsks,
  resolveKeyFile,
  resolvePath,
  showConfig,
  withoutEffect,
} from '@p2p-playground/core/config'
import type { ConfigRequest, Path, ShownValue, TrustedKeyEntry } from '@p2p-playground/core/config'
import { daemonSchema } from './schema.js'

/** daemon.yaml with defaults in place, durations in milliseconds, sizes in bytes, paths absolute. */
export interface DaemonConfig {
  readonly node: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly p2p: {
    readonly listenAddresses: readonly string[]
    readonly announceAddresses: readonly string[]
    readonly bootstrapPeers: readonly string[]
    readonly enableMdns: boolean
    /** The first is used to dial; both count as membership. */
    readonly psk: readonly Uint8Array[]
    readonly allowedPeers: readonly string[]
  }
  readonly security: {
    readonly trustedPublicKeys: readonly TrustedKeyEntry[]
    readonly revokedKeys: readonly string[]
  }
  readonly runtime: {
    readonly default: string
    readonly appDir: string
    readonly logDir: string
    readonly maxApps: number
    readonly keepVersions: number
    readonly updatePolicy: UpdatePolicy
    readonly defaultLimits: RunLimits
    readonly sandbox: SandboxMode
    /** A name, a uid, or `dynamic`; undefined: as the daemon. */
    readonly user: string | undefined
  }
  readonly logging: {
    readonly level: 'debug' | 'info' | 'warn' | 'error'
    readonly maxSizeBytes: number
    readonly maxAgeMs: number
    readonly redact: readonly string[]
    /** As `maxSizeBytes`, where log sinks need what is beyond it. */
    readonly maxUnshippedBytes: number
    readonly sinks: readonly SinkEntry[]
  }
  readonly plugins: readonly PluginEntry[]
}

/** A log sink to ship to. */
export interface SinkEntry {
  readonly name: string
  readonly kinds: readonly LogKind[]
  /** Where daemon.yaml names it. */
  readonly path: Path
}

export interface PluginEntry {
  /** npm package. */
  readonly use: string
  readonly config: Readonly<Record<string, unknown>>
  readonly optional: boolean
  /** Where daemon.yaml names it; undefined for a built-in one that it does not name. */
  readonly path: Path | undefined
}

export interface LoadedDaemonConfig {
  readonly config: DaemonConfig
  readonly baseDir: string
  readonly files: readonly string[]
  /** What `p2p.psk_file` names. */
  readonly pskFiles: readonly string[]
  readonly warnings: readonly string[]
  readonly positionOf: (path: Path) => SourcePosition
  /** Dotted paths of texts that are nothing but a variable. */
  readonly expanded: ReadonlySet<string>
  /** Effective values with their origins, secrets masked. */
  readonly shown: readonly ShownValue[]
}

/** Always there unless daemon.yaml names them itself; they come in through the same loader as any other. */
const BUILT_IN = [
  '@p2p-playground/runtime-process',
  '@p2p-playground/runtime-cgroups',
  '@p2p-playground/health-basic',
  '@p2p-playground/health-http',
]

const DAY_MS = 86_400_000

/**
 * The effective configuration of a daemon; safe defaults when there is no file.
 * @throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE, CONFIG_YAML, CONFIG_UNKNOWN_KEY, CONFIG_INVALID, CONFIG_ENV_MISSING,
 * CONFIG_PSK, CONFIG_PERMISSIONS
 */
export async function loadDaemonConfig(request: ConfigRequest): Promise<LoadedDaemonConfig> {
  const layers = await readLayers('daemon', request)
  const raw = checkSchema(daemonSchema, layers.value, layers.positionOf, layers)
  const warnings = withoutEffect([['p2p.relay', raw.p2p.relay !== undefined]])
  const path = (given: string | undefined, fallback: string): string =>
    given === undefined ? fallback : resolvePath(given, layers.baseDir)
  const config: DaemonConfig = {
    node: { name: raw.node.name ?? hostname(), labels: raw.node.labels },
    p2p: {
      listenAddresses: modernAddresses(
        raw.p2p.listen_addresses ?? ['/ip4/0.0.0.0/tcp/0'],
        warnings,
      ),
      announceAddresses: raw.p2p.announce_addresses,
      bootstrapPeers: raw.p2p.bootstrap_peers,
      enableMdns: raw.p2p.enable_mdns,
      psk: await readPsks(raw.p2p, layers),
      allowedPeers: raw.p2p.allowed_peers,
    },
    security: {
      trustedPublicKeys: raw.security.trusted_public_keys.map((key) => ({
        ...key,
        public_key: resolveKeyFile(key.public_key, layers.baseDir),
      })),
      revokedKeys: raw.security.revoked_keys.map((key) => resolveKeyFile(key, layers.baseDir)),
    },
    runtime: {
      default: raw.runtime.default,
      appDir: path(raw.runtime.app_dir, request.home.apps),
      logDir: path(raw.runtime.log_dir, request.home.logs),
      maxApps: raw.runtime.max_apps,
      keepVersions: raw.runtime.keep_versions,
      updatePolicy: raw.runtime.update_policy,
      defaultLimits: {
        cpuCores: raw.runtime.default_limits.cpu,
        memoryBytes: raw.runtime.default_limits.memory,
        pids: raw.runtime.default_limits.pids,
      },
      sandbox: raw.runtime.sandbox,
      user: raw.runtime.user === undefined ? undefined : String(raw.runtime.user),
    },
    logging: {
      level: raw.logging.level,
      maxSizeBytes: raw.logging.max_size,
      maxAgeMs: raw.logging.max_age_days * DAY_MS,
      redact: raw.logging.redact,
      maxUnshippedBytes: raw.logging.max_unshipped ?? 2 * raw.logging.max_size,
      sinks: sinkEntries(raw.logging.sinks),
    },
    plugins: pluginEntries(raw.plugins),
  }
  return {
    config,
    baseDir: layers.baseDir,
    files: layers.files,
    pskFiles: [raw.p2p.psk_file ?? []].flat().map((file) => resolvePath(file, layers.baseDir)),
    warnings,
    positionOf: layers.positionOf,
    expanded: layers.expanded,
    shown: showConfig(raw, layers.origins),
  }
}

function sinkEntries(
  raw: readonly (string | { readonly name: string; readonly kinds: readonly LogKind[] })[],
): SinkEntry[] {
  return raw.map((entry, index) =>
    typeof entry === 'string'
      ? { name: entry, kinds: LOG_KINDS, path: ['logging', 'sinks', index] }
      : { ...entry, path: ['logging', 'sinks', index, 'name'] },
  )
}

function pluginEntries(
  raw: readonly (string | { use: string; config: Record<string, unknown>; optional: boolean })[],
): PluginEntry[] {
  const named = raw.map((entry, index) => ({
    ...(typeof entry === 'string' ? { use: entry, config: {}, optional: false } : entry),
    path: ['plugins', index],
  }))
  const missing = BUILT_IN.filter((use) => !named.some((entry) => entry.use === use))
  return [
    ...missing.map((use) => ({ use, config: {}, optional: false, path: undefined })),
    ...named,
  ]
}
