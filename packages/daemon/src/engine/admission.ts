import { APP_NAME, ISOLATION_HINT, PlaygroundError, formatInstance } from '@p2p-playground/core'
import type { InstanceRecord, ReplayFloor, StateStore } from '@p2p-playground/core'
import type { BundleId } from '@p2p-playground/core/bundle'
import { expandedParts } from '@p2p-playground/core/manifest'
import type { Manifest } from '@p2p-playground/core/manifest'
import { compare, valid as validSemver } from 'semver'
import { expandAll } from './expand.js'
import type { ExpansionContext } from './expand.js'
import { readHealthSpec } from './health-spec.js'
import type { HealthCheckers } from './health-spec.js'
import type { NodeTraits } from './launcher.js'

export interface AdmissionContext {
  readonly instances: readonly InstanceRecord[]
  readonly store: Pick<StateStore, 'floor' | 'digestOf'>
  readonly maxApps: number
  readonly allowDowngrade: boolean
  /** Digests of this app that failed their trial here. */
  readonly badDigests: readonly string[]
}

/**
 * May this package come to this node? Asked before a byte is sent, and again once it is verified.
 * @throws TRANSFER_OFFER, APP_VERSION_EXISTS, APP_CONDEMNED, APP_DOWNGRADE, APP_LIMIT
 */
export function admit(id: BundleId, context: AdmissionContext): void {
  if (!APP_NAME.test(id.app) || validSemver(id.version) !== id.version) {
    throw new PlaygroundError('TRANSFER_OFFER', 'the offer names no version of an app')
  }
  const known = context.store.digestOf(id)
  if (known !== undefined && known !== id.digest) throw anotherContent(id, known)
  if (context.badDigests.includes(id.digest)) {
    throw new PlaygroundError(
      'APP_CONDEMNED',
      `${formatInstance(id)} failed its trial on this node and is not tried again by itself`,
      { hint: `Try it on purpose with "p2p-playground app upgrade ${formatInstance(id)}".` },
    )
  }
  const floor = context.store.floor(id.app)
  if (floor !== undefined && compare(id.version, floor.version) < 0)
    refuseDowngrade(id, floor, context)
  const apps = new Set(context.instances.map((instance) => instance.app))
  if (!apps.has(id.app) && apps.size >= context.maxApps) {
    throw new PlaygroundError(
      'APP_LIMIT',
      `this node takes ${String(context.maxApps)} apps and has them`,
      {
        hint: 'Remove one, or raise runtime.max_apps in daemon.yaml.',
      },
    )
  }
}

/** A version has one content; this one is known by another digest. */
export function anotherContent(id: BundleId, known: string): PlaygroundError {
  return new PlaygroundError(
    'APP_VERSION_EXISTS',
    `${formatInstance(id)} is known here with another content (${known.slice(0, 12)}…, not ${id.digest.slice(0, 12)}…)`,
    {
      hint: 'A version never changes its content: raise "version" in manifest.yaml and pack again.',
    },
  )
}

/** The same version packed anew with an earlier `created_at` is a replay as well. */
export function admitCreatedAt(id: BundleId, createdAtMs: number, context: AdmissionContext): void {
  const floor = context.store.floor(id.app)
  if (floor === undefined || compare(id.version, floor.version) !== 0) return
  if (createdAtMs < floor.createdAtMs) refuseDowngrade(id, floor, context)
}

/** The floor after `id` was accepted: it only ever rises. */
export function raisedFloor(
  id: BundleId,
  createdAtMs: number,
  floor: ReplayFloor | undefined,
): ReplayFloor {
  const next = { app: id.app, version: id.version, createdAtMs }
  if (floor === undefined) return next
  const order = compare(id.version, floor.version)
  return order > 0 || (order === 0 && createdAtMs > floor.createdAtMs) ? next : floor
}

function refuseDowngrade(id: BundleId, floor: ReplayFloor, context: AdmissionContext): void {
  if (context.allowDowngrade) return
  throw new PlaygroundError(
    'APP_DOWNGRADE',
    `${formatInstance(id)} is older than ${floor.version}, which this node had already`,
    { hint: 'Deploy with --allow-downgrade if that is meant.' },
  )
}

/** For ports that are chosen at the start. */
const ANY_PORT = 65_535

/** Why a runtime cannot give what daemon.yaml requires for all apps; undefined: it can, or it is not required. */
export type Lacks = (runtime: string, what: 'sandbox' | 'user') => string | undefined

/**
 * Can this node run it? Everything that can be known without starting it.
 * @throws APP_PLATFORM, APP_REFERENCE, RUNTIME_NOT_FOUND, RUNTIME_SANDBOX, RUNTIME_USER, RUNTIME_HEALTH_TYPE,
 * RUNTIME_HEALTH_SPEC
 */
export async function checkRunnable(
  manifest: Manifest,
  node: Pick<NodeTraits, 'name' | 'labels' | 'platform' | 'defaultRuntime'> & {
    readonly runtimes: ReadonlySet<string>
    readonly healthCheckers: HealthCheckers
    readonly lacks: Lacks
  },
): Promise<void> {
  entrypointFor(manifest, node.platform)
  const runtime = manifest.runtime ?? node.defaultRuntime
  if (!node.runtimes.has(runtime)) {
    throw new PlaygroundError('RUNTIME_NOT_FOUND', `this node has no runtime "${runtime}"`, {
      hint: `It has: ${[...node.runtimes].join(', ')}. Name the plugin in daemon.yaml.`,
    })
  }
  checkIsolation(runtime, node.lacks)
  const ports = Object.entries(manifest.ports).map(([name, port]) => [name, port || ANY_PORT])
  const context: ExpansionContext = {
    ports: Object.fromEntries(ports) as Record<string, number>,
    nodeName: node.name,
    nodeLabels: node.labels,
    appVersion: manifest.version,
  }
  expandAll(expandedParts(manifest), context)
  if (manifest.healthCheck !== undefined)
    await readHealthSpec(manifest.healthCheck, node.healthCheckers, context)
}

/** @throws RUNTIME_SANDBOX, RUNTIME_USER */
function checkIsolation(runtime: string, lacks: Lacks): void {
  const noSandbox = lacks(runtime, 'sandbox')
  if (noSandbox !== undefined) {
    throw new PlaygroundError(
      'RUNTIME_SANDBOX',
      `apps must run in a sandbox here, and runtime "${runtime}" has none: ${noSandbox}`,
      { hint: ISOLATION_HINT.sandbox },
    )
  }
  const noUser = lacks(runtime, 'user')
  if (noUser !== undefined) {
    throw new PlaygroundError(
      'RUNTIME_USER',
      `apps must run as another user here, and runtime "${runtime}" cannot do that: ${noUser}`,
      { hint: ISOLATION_HINT.user },
    )
  }
}

/** @throws APP_PLATFORM when the package has no program for `platform` (`linux-x64`). */
export function entrypointFor(manifest: Manifest, platform: string): string {
  if (typeof manifest.entrypoint === 'string') return manifest.entrypoint
  const entrypoint = manifest.entrypoint[platform]
  if (entrypoint !== undefined) return entrypoint
  throw new PlaygroundError(
    'APP_PLATFORM',
    `${manifest.name}@${manifest.version} has no program for ${platform}`,
    {
      hint: `It has: ${Object.keys(manifest.entrypoint).join(', ')}.`,
    },
  )
}
