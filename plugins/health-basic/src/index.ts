import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { definePlugin, errorMessage, systemCode } from '@p2p-playground/core'
import type { HealthChecker, HealthResult } from '@p2p-playground/core'
import * as v from 'valibot'

/** Alive: the process exists and is no zombie. */
const processChecker: HealthChecker<Record<string, never>> = {
  spec: v.strictObject({}),
  check: async ({ pid }) => Promise.resolve(checkProcess(pid)),
}

const tcpSpec = v.pipe(
  v.strictObject({
    address: v.optional(v.pipe(v.string(), v.description('HOST:PORT of this machine.'))),
    port: v.optional(
      v.pipe(v.string(), v.description('Name of a port of the app; it may have only one.')),
    ),
  }),
  v.check(
    (spec) => spec.address === undefined || spec.port === undefined,
    'give "address" or "port", not both',
  ),
)

/** Connects: to `address` (host:port, loopback), to the port named `port`, or to the instance's only port. */
const tcpChecker: HealthChecker<v.InferOutput<typeof tcpSpec>> = {
  spec: tcpSpec,
  check: async ({ spec, ports }, signal) => {
    const target =
      spec.address === undefined ? portOf(ports, spec.port) : parseAddress(spec.address)
    if (typeof target === 'string') return { healthy: false, detail: target }
    return tryConnect(target, signal)
  },
}

export default [
  definePlugin({
    kind: 'health-checker',
    name: 'process',
    api: '1.0',
    config: v.strictObject({}),
    create: () => processChecker as HealthChecker<unknown>,
  }),
  definePlugin({
    kind: 'health-checker',
    name: 'tcp',
    api: '1.0',
    config: v.strictObject({}),
    create: () => tcpChecker as HealthChecker<unknown>,
  }),
]

interface Target {
  readonly host: string
  readonly port: number
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/

function checkProcess(pid: number): HealthResult {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0]
    return state === 'Z'
      ? { healthy: false, detail: `process ${String(pid)} is a zombie` }
      : { healthy: true }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ESRCH') throw error
    return { healthy: false, detail: `process ${String(pid)} is gone` }
  }
}

/** The target, or why there is none. */
function portOf(
  ports: Readonly<Record<string, number>>,
  name: string | undefined,
): Target | string {
  const port = name === undefined ? Object.values(ports)[0] : ports[name]
  if (name === undefined && Object.keys(ports).length !== 1) {
    return 'the manifest has not exactly one port: name one with "port", or give "address"'
  }
  return port === undefined
    ? `the manifest has no port "${name ?? ''}"`
    : { host: '127.0.0.1', port }
}

function parseAddress(address: string): Target | string {
  const match = /^(.+):(\d+)$/.exec(address)
  if (match?.[1] === undefined) return `"${address}" is not host:port`
  if (!LOOPBACK.test(match[1]))
    return `"${match[1]}" is not this machine; checks stay on the loopback`
  return { host: match[1].replace(/[[\]]/g, ''), port: Number(match[2]) }
}

async function tryConnect(target: Target, signal: AbortSignal): Promise<HealthResult> {
  const { promise, resolve } = Promise.withResolvers<HealthResult>()
  const socket = connect(target)
  const onAbort = (): void => {
    resolve({ healthy: false, detail: 'no answer in time' })
  }
  signal.addEventListener('abort', onAbort, { once: true })
  socket.once('connect', () => {
    resolve({ healthy: true, detail: `connected to ${target.host}:${String(target.port)}` })
  })
  socket.once('error', (error) => {
    resolve({ healthy: false, detail: errorMessage(error) })
  })
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}
