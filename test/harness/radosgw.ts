import { randomUUID } from 'node:crypto'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { isAlive, kill, until } from './processes.js'

/** Where scripts/radosgw.mjs unpacks it. */
const ROOT = join(import.meta.dirname, '../../node_modules/.cache/radosgw')
const TRIPLET = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
const LIBRARIES = join(ROOT, 'usr/lib', TRIPLET)

interface S3Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Why there is no radosgw for tests; undefined when there is. */
export function whyNoRadosgw(): string | undefined {
  if (existsSync(join(ROOT, 'complete'))) return undefined
  return 'radosgw is not unpacked (node scripts/radosgw.mjs, on Debian)'
}

/**
 * Ceph's S3 gateway over a store in memory, on loopback and free ports: a real server, which checks signatures, knows
 * conditional writes, and keeps what it holds while the gateway itself is away.
 */
export class Radosgw {
  readonly endpoint: string
  /** May do all with its own buckets. */
  readonly owner: S3Keys = { accessKeyId: 'AKIAOWNER', secretAccessKey: 'owner-secret' }
  /** Known, and may do nothing with them. */
  readonly stranger: S3Keys = { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'stranger-secret' }
  readonly #dir = mkdtempSync(join(tmpdir(), 'p2p-playground-radosgw-'))
  readonly #store: ChildProcess[] = []
  #gateway: ChildProcess | undefined

  private constructor(port: number) {
    this.endpoint = `http://127.0.0.1:${String(port)}`
  }

  /** About 2 s. */
  static async start(): Promise<Radosgw> {
    const [port = 0, ...monitorPorts] = await freePorts(3)
    const server = new Radosgw(port)
    try {
      await server.#startStore(port, monitorPorts)
      await server.up()
      for (const [name, keys] of Object.entries({ owner: server.owner, stranger: server.stranger }))
        server.#addUser(name, keys)
      return server
    } catch (error) {
      await server.remove()
      throw error
    }
  }

  /** Starts the gateway, and again after `down`. */
  async up(): Promise<void> {
    const gateway = this.#spawn('radosgw', '-f', '-n', 'client.rgw')
    this.#gateway = gateway
    await until('radosgw answers', async () => {
      if (gateway.exitCode !== null) throw new Error(`radosgw ended:\n${this.#log('client.rgw')}`)
      return isReachable(this.endpoint)
    })
  }

  /** Connections are refused from now on; what is stored stays. Idempotent. */
  async down(): Promise<void> {
    if (this.#gateway !== undefined) await end(this.#gateway)
    this.#gateway = undefined
  }

  /** Connections are taken and not answered, until `thaw`. */
  freeze(): void {
    kill(this.#gateway?.pid ?? 0, 'SIGSTOP')
  }

  thaw(): void {
    kill(this.#gateway?.pid ?? 0, 'SIGCONT')
  }

  /** Ends everything and deletes it. Idempotent. */
  async remove(): Promise<void> {
    await this.down()
    await Promise.all(this.#store.splice(0).map(end))
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #startStore(port: number, monitorPorts: readonly number[]): Promise<void> {
    const at = (name: string): string => join(this.#dir, name)
    for (const name of ['mon', 'osd', 'rgw', 'run']) mkdirSync(at(name))
    const fsid = randomUUID()
    const [v2, v1] = monitorPorts.map((one) => `127.0.0.1:${String(one)}/0`)
    const monitor = `[v2:${v2 ?? ''},v1:${v1 ?? ''}]`
    writeFileSync(at('ceph.conf'), cephConf(this.#dir, fsid, monitor, port))
    const keyring = at('keyring')
    const all = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *']
    run('ceph-authtool', '-C', keyring, '-g', '-n', 'mon.', '--cap', 'mon', 'allow *')
    for (const name of ['client.admin', 'client.rgw', 'osd.0'])
      run('ceph-authtool', keyring, '-g', '-n', name, ...all)
    const map = at('monmap')
    run('monmaptool', '--create', '--fsid', fsid, '--addv', 'a', monitor, map)
    this.#run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring)
    this.#store.push(this.#spawn('ceph-mon', '-f', '-i', 'a'))
    const osd = randomUUID()
    this.#run('ceph', 'osd', 'new', osd)
    this.#run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd)
    this.#store.push(this.#spawn('ceph-osd', '-f', '-i', '0'))
    const pids = this.#store.map(({ pid }) => pid ?? 0)
    await until('the store runs', () => {
      if (!pids.every(isAlive)) throw new Error(`the store ended:\n${this.#log('osd.0')}`)
      return existsSync(join(this.#dir, 'run', 'osd.0.asok'))
    })
  }

  #addUser(name: string, keys: S3Keys): void {
    const { accessKeyId, secretAccessKey } = keys
    const keyArgs = ['--access-key', accessKeyId, '--secret-key', secretAccessKey]
    const user = ['user', 'create', '--uid', name, '--display-name', name, ...keyArgs]
    this.#run('radosgw-admin', '-n', 'client.rgw', ...user)
  }

  #run(command: string, ...args: readonly string[]): void {
    run(command, '-c', join(this.#dir, 'ceph.conf'), ...args)
  }

  #spawn(command: string, ...args: readonly string[]): ChildProcess {
    const all = ['-c', join(this.#dir, 'ceph.conf'), ...args]
    return spawn(join(ROOT, 'usr/bin', command), all, { env: environment(), stdio: 'ignore' })
  }

  #log(name: string): string {
    const path = join(this.#dir, `${name}.log`)
    return existsSync(path) ? readFileSync(path, 'utf8').slice(-2000) : ''
  }
}

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: `${join(ROOT, 'usr/bin')}${delimiter}/usr/bin:/bin`,
    LD_LIBRARY_PATH: [LIBRARIES, join(LIBRARIES, 'ceph'), join(ROOT, 'lib', TRIPLET)].join(
      delimiter,
    ),
    PYTHONPATH: join(ROOT, 'usr/lib/python3/dist-packages'),
  }
}

function run(command: string, ...args: readonly string[]): void {
  const options = { env: environment(), encoding: 'utf8', timeout: 60_000 } as const
  const { status, stderr, error } = spawnSync(join(ROOT, 'usr/bin', command), args, options)
  if (status === 0) return
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`)
}

async function end(child: ChildProcess): Promise<void> {
  const pid = child.pid ?? 0
  if (pid !== 0) kill(pid)
  await until(`process ${String(pid)} is gone`, () => pid === 0 || !isAlive(pid))
}

async function isReachable(endpoint: string): Promise<boolean> {
  try {
    await fetch(endpoint)
    return true
  } catch {
    // It does not listen yet.
    return false
  }
}

/** All taken at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(async (server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(async (server) => once(server.close(), 'close')))
  return ports
}

/** One monitor, one store in memory, one copy of everything, and no waiting for others. */
function cephConf(dir: string, fsid: string, monitor: string, port: number): string {
  return `[global]
fsid = ${fsid}
mon host = ${monitor}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = ${dir}/keyring
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon osd min up ratio = 0
paxos propose interval = 0.05
paxos min wait = 0.01
run dir = ${dir}/run
admin socket = ${dir}/run/$name.asok
log file = ${dir}/$name.log
mon cluster log file = ${dir}/cluster.log
osd objectstore = memstore
memstore device bytes = 2147483648
osd class dir = ${LIBRARIES}/rados-classes
erasure code dir = ${LIBRARIES}/ceph/erasure-code
plugin dir = ${LIBRARIES}/ceph
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv4 = true
ms bind ipv6 = false
mon data = ${dir}/mon
mon data avail crit = 1
mon data avail warn = 1
osd data = ${dir}/osd
[client.rgw]
rgw data = ${dir}/rgw
rgw frontends = beast endpoint=127.0.0.1:${String(port)} tcp_nodelay=1
rgw run sync thread = false
rgw enable quota threads = false
rgw thread pool size = 32
rgw dns name = localhost
`
}
