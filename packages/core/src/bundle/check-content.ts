import { PlaygroundError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import type { Manifest } from '../model/manifest.js'
import { KNOWN_REFERENCES, REFERENCE, unknownReference } from '../model/references.js'
import { followLinks, typeOf } from './follow-links.js'
import type { PackageEntries } from './follow-links.js'
import { MANIFEST_NAME } from './manifest-name.js'

export interface ContentReport {
  readonly code: ErrorCode
  /** A hint why nothing is at a path of the package, for whoever made it. */
  readonly explain?: (path: string) => string | undefined
}

/**
 * What a manifest says of its package must be so: packing and every node ask the same.
 * @throws `report.code`
 */
export function checkContent(
  manifest: Manifest,
  entries: PackageEntries,
  report: ContentReport,
): void {
  const fault = faultOf(manifest, entries)
  if (fault === undefined) return
  const { message, missing } = fault
  const hint = (missing === undefined ? undefined : report.explain?.(missing)) ?? fault.hint
  throw new PlaygroundError(report.code, message, { hint })
}

interface Fault {
  readonly message: string
  readonly hint: string
  /** The path where nothing was found. */
  readonly missing?: string
}

function faultOf(manifest: Manifest, entries: PackageEntries): Fault | undefined {
  for (const [what, path] of filesOf(manifest)) {
    if (typeOf(entries, path) === 'file') continue
    return {
      message: `the ${what} "${path}" is no file in the package`,
      hint: 'Build the application first, or correct the path in manifest.yaml.',
      missing: endOf(entries, path),
    }
  }
  const { workDir, env } = manifest
  // With a reference in it, only the node knows which one it is.
  if (workDir?.search(REFERENCE) === -1 && typeOf(entries, workDir) !== 'directory') {
    return {
      message: `the work_dir "${workDir}" is no directory in the package`,
      hint: 'Make the directory, or correct "work_dir" in manifest.yaml.',
      missing: endOf(entries, workDir),
    }
  }
  const reference = unknownReference(manifest)
  if (reference !== undefined) {
    return { message: `${reference} in the manifest names nothing`, hint: KNOWN_REFERENCES }
  }
  const health = healthPortFault(manifest)
  if (health !== undefined) return health
  const secret = manifest.secrets.find((name) => !Object.hasOwn(env, name))
  if (secret === undefined) return undefined
  return {
    message: `"secrets" names "${secret}", which is no entry of "env"`,
    hint: 'Logs would show its value: correct the name, or take it out.',
  }
}

/** A check of a port that the manifest does not have could only fail, after the old version was stopped for the new one. */
function healthPortFault({ healthCheck, ports }: Manifest): Fault | undefined {
  if (healthCheck === undefined) return undefined
  const { type } = healthCheck
  const { port, endpoint, address } = healthCheck.spec
  const asksPort = {
    http: typeof endpoint === 'string' && endpoint.startsWith('/'),
    tcp: address === undefined,
  }
  // The keys of other checks are their own.
  if ((type !== 'http' && type !== 'tcp') || !asksPort[type]) return undefined
  const names = Object.keys(ports)
  const hint = `Name one with "port" in "health_check". The manifest has: ${names.join(', ') || 'none'}.`
  if (port === undefined && names.length !== 1) {
    const message = `the health_check does not say which of ${String(names.length)} ports it asks`
    return { message, hint }
  }
  if (typeof port !== 'string' || port.search(REFERENCE) !== -1 || names.includes(port))
    return undefined
  return {
    message: `the health_check names the port "${port}", which is no entry of "ports"`,
    hint,
  }
}

/** The files that a manifest cannot do without, itself among them. */
export function filesOf({ entrypoint, scripts }: Manifest): [what: string, path: string][] {
  const entrypoints = typeof entrypoint === 'string' ? [entrypoint] : Object.values(entrypoint)
  const { preStart, postStop } = scripts
  return [
    ['manifest', MANIFEST_NAME],
    ...entrypoints.map((path): [string, string] => ['entrypoint', path]),
    ...(preStart === undefined ? [] : [['pre_start script', preStart] satisfies [string, string]]),
    ...(postStop === undefined ? [] : [['post_stop script', postStop] satisfies [string, string]]),
  ]
}

/** Through symlinks: one of them may be there, and what it leads to not. */
function endOf(entries: PackageEntries, path: string): string {
  const place = followLinks(entries, path)
  return typeof place === 'string' ? path : place.path
}
