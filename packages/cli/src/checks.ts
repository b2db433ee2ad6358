import { existsSync, readFileSync } from 'node:fs'
import { mkdir, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asPlaygroundError } from '@p2p-playground/core/errors'
import type { ConfigRequest } from '@p2p-playground/core/config'
import { loadConfig } from './load-config.js'

export interface CheckResult {
  readonly check: string
  readonly result: 'ok' | 'warn' | 'fail'
  readonly message: string
  readonly hint?: string | undefined
}

const LOW_DISK_BYTES = 1024 ** 3

/** What can be wrong with this machine, looked at in turn. */
export async function runChecks(request: ConfigRequest): Promise<CheckResult[]> {
  return [
    checkNode(),
    await checkHome(request),
    await checkConfig('daemon.yaml', false, request),
    await checkConfig('controller.yaml', true, request),
    await checkPermissions(request),
    await checkDaemon(request),
    await checkDisk(request),
    checkRoute(),
    checkCgroups(),
  ]
}

function checkNode(): CheckResult {
  return { check: 'node', result: 'ok', message: `Node ${process.versions.node}` }
}

async function checkHome({ home }: ConfigRequest): Promise<CheckResult> {
  try {
    await mkdir(home.config, { recursive: true, mode: 0o700 })
    return { check: 'home', result: 'ok', message: home.config }
  } catch (error) {
    return {
      check: 'home',
      result: 'fail',
      message: asPlaygroundError(error).message,
      hint: 'Choose another --home.',
    }
  }
}

async function checkConfig(
  check: string,
  controller: boolean,
  request: ConfigRequest,
): Promise<CheckResult> {
  try {
    const { files, warnings } = await loadConfig(controller, request)
    if (files.length === 0)
      return {
        check,
        result: 'warn',
        message: 'not there: the defaults hold',
        hint: 'Run "p2p-playground init".',
      }
    if (warnings.length > 0) return { check, result: 'warn', message: warnings.join('; ') }
    return { check, result: 'ok', message: files.join(', ') }
  } catch (error) {
    const { message, hint } = asPlaygroundError(error)
    return { check, result: 'fail', message, hint }
  }
}

async function checkPermissions({ home }: ConfigRequest): Promise<CheckResult> {
  for (const path of [
    home.signingKey,
    home.swarmKey,
    home.daemonIdentity,
    home.controllerIdentity,
  ]) {
    if (!existsSync(path)) continue
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) {
      return {
        check: 'secrets',
        result: 'fail',
        message: `${path} can be read by others`,
        hint: `Run: chmod 600 ${path}`,
      }
    }
  }
  return { check: 'secrets', result: 'ok', message: 'only you can read keys and PSK' }
}

async function checkDaemon({ home }: ConfigRequest): Promise<CheckResult> {
  const { daemonStatus } = await import('./daemon-process.js')
  const running = await daemonStatus(home)
  return running === undefined
    ? {
        check: 'daemon',
        result: 'warn',
        message: 'does not run',
        hint: 'Run "p2p-playground daemon start".',
      }
    : {
        check: 'daemon',
        result: 'ok',
        message: `pid ${String(running.pid)}, ${running.addresses.join(' ')}`,
      }
}

async function checkDisk({ home }: ConfigRequest): Promise<CheckResult> {
  const dir = existsSync(home.config) ? home.config : dirname(home.config)
  const { bavail, bsize } = await statfs(dir)
  const free = bavail * bsize
  const message = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${dir}`
  return free < LOW_DISK_BYTES
    ? { check: 'disk', result: 'warn', message, hint: 'Packages need room: free some.' }
    : { check: 'disk', result: 'ok', message }
}

function checkRoute(): CheckResult {
  const hasRoute = readFileSync('/proc/net/route', 'latin1')
    .split('\n')
    .some((line) => line.split('\t')[1] === '00000000')
  return hasRoute
    ? { check: 'mdns', result: 'ok', message: 'there is a default route' }
    : {
        check: 'mdns',
        result: 'warn',
        message: 'there is no default route: mDNS finds nobody',
        hint: 'Add nodes by address: p2p-playground node add.',
      }
}

function checkCgroups(): CheckResult {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers'))
    return { check: 'cgroups', result: 'ok', message: 'version 2' }
  if (existsSync('/sys/fs/cgroup/memory'))
    return { check: 'cgroups', result: 'ok', message: 'version 1' }
  return { check: 'cgroups', result: 'warn', message: 'none: no runtime can limit apps here' }
}
