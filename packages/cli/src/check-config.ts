import { stat } from 'node:fs/promises'
import { PlaygroundError, systemCode } from '@p2p-playground/core/errors'
import type { ConfigRequest } from '@p2p-playground/core/config'
import type { Finding } from './checks.js'
import type { ConfigProblems } from './config-problems.js'
import { isTrustedHere } from './key-trust.js'
import { loadConfig } from './load-config.js'

export async function checkSecrets({ home }: ConfigRequest): Promise<Finding> {
  for (const path of [
    home.signingKey,
    home.swarmKey,
    home.daemonIdentity,
    home.controllerIdentity,
  ]) {
    const mode = await modeOf(path)
    if (mode !== undefined && (mode & 0o077) !== 0) {
      return {
        result: 'fail',
        message: `${path} can be read by others`,
        hint: `Run: chmod 600 ${path}`,
      }
    }
  }
  return { result: 'ok', message: 'only you can read keys and PSK' }
}

/** Undefined when it is not there. A directory that may not be entered keeps it from being known. */
async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

export async function checkConfig(isController: boolean, request: ConfigRequest): Promise<Finding> {
  const { files, warnings } = await loadConfig(isController, request)
  if (files.length === 0) {
    const message = 'not there: the defaults hold'
    // A machine that joined has none, and wants none.
    if (isController) return { result: 'ok', message }
    return { result: 'warn', message, hint: 'Run "p2p-playground init".' }
  }
  const machine = isController ? undefined : await machineOf(request)
  const [problem] = machine?.problems ?? []
  if (problem !== undefined) throw new PlaygroundError(problem.code, problem.message, problem)
  const all = [...warnings, ...(machine?.warnings ?? [])]
  if (all.length > 0) return { result: 'warn', message: all.join('; ') }
  return { result: 'ok', message: files.join(', ') }
}

async function machineOf(request: ConfigRequest): Promise<ConfigProblems> {
  const [{ loadDaemonConfig }, { machineProblems }] = await Promise.all([
    import('@p2p-playground/daemon/config'),
    import('./config-problems.js'),
  ])
  return machineProblems(await loadDaemonConfig(request))
}

/** How long all of them may take. */
const PLUGINS_MS = 120_000

/** What the node here would load. */
export async function checkPlugins(request: ConfigRequest): Promise<Finding> {
  const { findPlugins, PLUGIN_STEP_MS, summaryOf } = await import('./plugin-findings.js')
  const signal = AbortSignal.timeout(PLUGINS_MS)
  return summaryOf(await findPlugins(request, PLUGIN_STEP_MS, signal))
}

/** The controller's key can be read, and the node here trusts it. */
export async function checkKey(request: ConfigRequest): Promise<Finding> {
  const { findSigningKey } = await import('./signing.js')
  const key = await findSigningKey(undefined, request)
  if (key === undefined) {
    return {
      result: 'warn',
      message: 'none: from here nothing can be signed or commanded',
      hint: 'That is right for a machine that only runs apps. Where you deploy from, run "p2p-playground init".',
    }
  }
  if ((await isTrustedHere(key, request)) !== false) return { result: 'ok', message: key.type }
  const { publicKeyText } = await import('@p2p-playground/core/bundle')
  return {
    result: 'warn',
    message: `the node here does not trust the ${key.type} key of this home`,
    hint: `Add it to security.trusted_public_keys: ${publicKeyText(key.spki).trim()}`,
  }
}

/** Node and controller of one home are to be in one network. */
export async function checkPsk(request: ConfigRequest): Promise<Finding> {
  const [{ loadControllerConfig }, { loadDaemonConfig }] = await Promise.all([
    import('@p2p-playground/controller/config'),
    import('@p2p-playground/daemon/config'),
  ])
  const [controller, daemon] = await Promise.all([
    loadControllerConfig(request),
    loadDaemonConfig(request),
  ])
  const ours = controller.config.p2p.psk
  const theirs = daemon.config.p2p.psk
  if (ours.length === 0 && theirs.length === 0) {
    return {
      result: 'warn',
      message: 'none: anybody can connect',
      hint: 'Make one with "p2p-playground psk" and set p2p.psk_file on every machine.',
    }
  }
  const isShared = ours.some((psk) => theirs.some((other) => Buffer.from(psk).equals(other)))
  if (isShared) return { result: 'ok', message: 'the same for the node and for commands' }
  return {
    result: 'fail',
    message: 'daemon.yaml and controller.yaml have different ones: commands cannot reach the node',
    hint: 'Let p2p.psk_file name the same file in both.',
  }
}
