import { asPlaygroundError } from '@p2p-playground/core/errors'
import { fileError } from '@p2p-playground/core/file-error'
import type { ConfigRequest } from '@p2p-playground/core/config'
import { checkConfig, checkKey, checkPlugins, checkPsk, checkSecrets } from './check-config.js'
import {
  checkCgroups,
  checkClock,
  checkDaemon,
  checkDisk,
  checkHome,
  checkNode,
  checkPorts,
  checkRoute,
  checkState,
} from './check-machine.js'

/** What one look found; `hint` says what to do. */
export interface Finding {
  readonly result: 'ok' | 'warn' | 'fail'
  readonly message: string
  readonly hint?: string | undefined
}

export interface CheckResult extends Finding {
  readonly check: string
}

type Check = (request: ConfigRequest) => Finding | Promise<Finding>

const CHECKS: readonly (readonly [string, Check])[] = [
  ['node', checkNode],
  ['home', checkHome],
  ['secrets', checkSecrets],
  ['daemon.yaml', async (request) => checkConfig(false, request)],
  ['controller.yaml', async (request) => checkConfig(true, request)],
  ['signing key', checkKey],
  ['psk', checkPsk],
  ['plugins', checkPlugins],
  ['daemon', checkDaemon],
  ['state', checkState],
  ['ports', checkPorts],
  ['mdns', checkRoute],
  ['clock', checkClock],
  ['disk', checkDisk],
  ['cgroups', checkCgroups],
]

/** What can be wrong with this machine, looked at in turn. It changes nothing. */
export async function runChecks(request: ConfigRequest): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  const blamed = new Map<string, string>()
  for (const [check, look] of CHECKS) {
    const { isBroken = false, ...finding } = await safely(look, request)
    const { result, message } = finding
    const cause = blamed.get(message)
    if (cause === undefined && (isBroken || result === 'fail')) blamed.set(message, check)
    results.push({ check, ...(cause === undefined ? finding : notLookedAt(cause)) })
  }
  return results
}

/** What one file is to be blamed for is said once, where the file is looked at. */
function notLookedAt(check: string): Finding {
  return { result: 'warn', message: `not looked at, because of ${check}` }
}

/** A check that breaks is itself a finding: the others still tell. */
async function safely(
  look: Check,
  request: ConfigRequest,
): Promise<Finding & { readonly isBroken?: boolean }> {
  try {
    return await look(request)
  } catch (error) {
    const { message, hint } = asPlaygroundError(fileError(error))
    // A machine may be there to give commands and to run no node.
    const { isLackingDaemon } = await import('@p2p-playground/core/config')
    return { result: isLackingDaemon(error) ? 'warn' : 'fail', message, hint, isBroken: true }
  }
}
