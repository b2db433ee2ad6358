import { PlaygroundError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import type { Manifest } from '../model/manifest.js'
import { KNOWN_REFERENCES, REFERENCE, unknownReference } from '../model/references.js'
import { typeOf } from './follow-links.js'
import type { PackageEntries } from './follow-links.js'

/**
 * What a manifest says of its package must be so: packing and every node ask the same.
 * @throws `code`
 */
export function checkContent(manifest: Manifest, entries: PackageEntries, code: ErrorCode): void {
  const fault = faultOf(manifest, entries)
  if (fault !== undefined) throw new PlaygroundError(code, fault.message, { hint: fault.hint })
}

interface Fault {
  readonly message: string
  readonly hint: string
}

function faultOf(manifest: Manifest, entries: PackageEntries): Fault | undefined {
  for (const [what, path] of programsOf(manifest)) {
    if (typeOf(entries, path) === 'file') continue
    return {
      message: `the ${what} "${path}" is no file in the package`,
      hint: 'Build the application first, or correct the path in manifest.yaml.',
    }
  }
  const { workDir, env } = manifest
  // With a reference in it, only the node knows which one it is.
  if (workDir?.search(REFERENCE) === -1 && typeOf(entries, workDir) !== 'directory') {
    return {
      message: `the work_dir "${workDir}" is no directory in the package`,
      hint: 'Make the directory, or correct "work_dir" in manifest.yaml.',
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

function programsOf({ entrypoint, scripts }: Manifest): [what: string, path: string][] {
  const entrypoints = typeof entrypoint === 'string' ? [entrypoint] : Object.values(entrypoint)
  const { preStart, postStop } = scripts
  return [
    ...entrypoints.map((path): [string, string] => ['entrypoint', path]),
    ...(preStart === undefined ? [] : [['pre_start script', preStart] satisfies [string, string]]),
    ...(postStop === undefined ? [] : [['post_stop script', postStop] satisfies [string, string]]),
  ]
}
