import { constants, existsSync, readFileSync, statSync } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatBytes } from '@p2p-playground/core/bytes'
import { systemCode } from '@p2p-playground/core/errors'
import type { ConfigRequest } from '@p2p-playground/core/config'
import type { Finding } from './checks.js'

/** The daemon asks for room by the size of what comes; below the first, state and logs can hardly be written either. */
const FULL_DISK_BYTES = 16 * 1024 ** 2
const LOW_DISK_BYTES = 1024 ** 3

export function checkNode(): Finding {
  return {
    result: 'ok',
    message: `Node ${process.versions.node}, ${process.platform}-${process.arch}`,
  }
}

export async function checkHome({ home }: ConfigRequest): Promise<Finding> {
  if (!existsSync(home.config)) {
    const hint = 'Run "p2p-playground init", or "join" with an invitation.'
    return { result: 'warn', message: `${home.config} is not there yet`, hint }
  }
  const { mode } = await stat(home.config)
  if ((mode & 0o022) !== 0) {
    const hint = `Run: chmod go-w ${home.config}`
    return { result: 'fail', message: `others may write to ${home.config}`, hint }
  }
  try {
    await access(home.config, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    // What access(2) says beside "no" tells nobody anything.
    const hint = 'Choose another --home, or give yourself the rights.'
    return { result: 'fail', message: `you may not write to ${home.config}`, hint }
  }
  return { result: 'ok', message: home.config }
}

export async function checkDaemon({ home }: ConfigRequest): Promise<Finding> {
  const { daemonStatus } = await import('./daemon-process.js')
  const running = await daemonStatus(home)
  if (running !== undefined) {
    const addresses = running.addresses.map((one) => one.replace(/\/p2p\/[^/]+$/, ''))
    return { result: 'ok', message: `pid ${String(running.pid)}, ${addresses.join(' ')}` }
  }
  return { result: 'warn', message: 'does not run', hint: 'Run "p2p-playground daemon start".' }
}

/** While no daemon runs here, one must be able to start with the state that is there. */
export async function checkState({ home }: ConfigRequest): Promise<Finding> {
  const { daemonStatus } = await import('./daemon-process.js')
  if ((await daemonStatus(home)) !== undefined)
    return { result: 'ok', message: 'the daemon has it' }
  if (!existsSync(home.stateDb)) return { result: 'ok', message: 'none yet' }
  const { stateFault } = await import('@p2p-playground/daemon/state-fault')
  const fault = await stateFault(home.stateDb)
  if (fault !== undefined) throw fault
  return { result: 'ok', message: home.stateDb }
}

/** While no daemon runs here, the TCP ports that it is to listen on must be free. */
export async function checkPorts(request: ConfigRequest): Promise<Finding> {
  const { daemonStatus } = await import('./daemon-process.js')
  if ((await daemonStatus(request.home)) !== undefined) {
    return { result: 'ok', message: 'the daemon has them' }
  }
  const { loadDaemonConfig } = await import('@p2p-playground/daemon/config')
  const { config } = await loadDaemonConfig(request)
  for (const address of config.p2p.listenAddresses) {
    const match = /^\/ip[46]\/([^/]+)\/tcp\/(\d+)$/.exec(address)
    if (match === null) continue
    const code = await whyNotListen(match[1] ?? '', Number(match[2]))
    if (code === undefined) continue
    const hint = 'See who has it with "ss -ltnp", or change p2p.listen_addresses.'
    return { result: 'fail', message: `cannot listen on ${address}: ${code}`, hint }
  }
  return { result: 'ok', message: `free: ${config.p2p.listenAddresses.join(' ')}` }
}

export function checkRoute(): Finding {
  if (hasDefaultRoute()) return { result: 'ok', message: 'there is a default route' }
  return {
    result: 'warn',
    message: 'there is no default route: mDNS finds nobody',
    hint: 'Add nodes by address: p2p-playground node add.',
  }
}

/** Commands are refused when clocks are more than five minutes apart; one that never was set is years behind. */
export function checkClock(): Finding {
  const builtMs = statSync(fileURLToPath(import.meta.url)).mtimeMs
  const now = new Date()
  const hint = 'Set it (timedatectl set-ntp true): nodes refuse commands that are 5 minutes off.'
  if (now.getTime() < builtMs) {
    return {
      result: 'fail',
      message: `${now.toISOString()} is before this program was built`,
      hint,
    }
  }
  return { result: 'ok', message: now.toISOString() }
}

/** Each disk that holds something of the home or of the node here, once. */
export async function checkDisk(request: ConfigRequest): Promise<Finding> {
  const disks = new Map<number, string>()
  for (const path of await directoriesOf(request)) {
    const dir = nearest(path)
    const { dev } = await stat(dir)
    if (!disks.has(dev)) disks.set(dev, dir)
  }
  const found = await Promise.all([...disks.values()].map(diskFinding))
  const results = found.map(({ result }) => result)
  const hints = found.flatMap(({ hint }) => hint ?? [])
  return {
    result: (['fail', 'warn'] as const).find((one) => results.includes(one)) ?? 'ok',
    message: found.map(({ message }) => message).join('; '),
    hint: hints.length === 0 ? undefined : hints.join(' '),
  }
}

/** What may lie on a disk of its own; the home comes first. */
async function directoriesOf(request: ConfigRequest): Promise<readonly string[]> {
  const { config, state, packages, incoming, stage, oclif } = request.home
  const own = [config, state, packages, incoming, stage, oclif]
  const { loadDaemonConfig } = await import('@p2p-playground/daemon/config')
  try {
    const { appDir, logDir } = (await loadDaemonConfig(request)).config.runtime
    return [...own, appDir, logDir]
  } catch {
    // It has a check of its own, and the home is looked at all the same.
    return own
  }
}

/** The path, or what is there above it. */
function nearest(path: string): string {
  let dir = path
  while (!existsSync(dir) && dir !== dirname(dir)) dir = dirname(dir)
  return dir
}

async function diskFinding(dir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dir)
  const free = bavail * bsize
  const message = `${formatBytes(free)} free at ${dir}`
  if (free >= LOW_DISK_BYTES) return { result: 'ok', message }
  if (free >= FULL_DISK_BYTES)
    return { result: 'warn', message, hint: `Packages and logs need room: free some on ${dir}.` }
  const hint = `A node refuses packages and cannot write what it keeps there: free space on ${dir}.`
  return { result: 'fail', message, hint }
}

export function checkCgroups(): Finding {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return { result: 'ok', message: 'version 2' }
  if (existsSync('/sys/fs/cgroup/memory')) return { result: 'ok', message: 'version 1' }
  return { result: 'warn', message: 'none: no runtime can limit apps here' }
}

/** Tables of the kernel: see route(8) for the first, and ipv6_route in proc(5) for the second. */
function hasDefaultRoute(): boolean {
  const inTable = (path: string, isDefault: (columns: readonly string[]) => boolean): boolean =>
    existsSync(path) &&
    readFileSync(path, 'latin1')
      .split('\n')
      .some((line) => isDefault(line.trim().split(/\s+/)))
  return (
    inTable('/proc/net/route', (columns) => columns[1] === '00000000') ||
    inTable('/proc/net/ipv6_route', (columns) => columns[1] === '00' && columns.at(-1) !== 'lo')
  )
}

async function whyNotListen(host: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const server = createServer()
  server.once('error', (error) => {
    resolve(systemCode(error) ?? error.message)
  })
  server.listen({ host, port, exclusive: true }, () => {
    server.close(() => {
      resolve(undefined)
    })
  })
  return promise
}
