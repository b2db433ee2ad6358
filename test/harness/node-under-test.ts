import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { AppRow, Control } from '@p2p-playground/core'
import { systemClock } from '@p2p-playground/core'
import { resolveHome } from '@p2p-playground/core/config'
import { createControl } from '@p2p-playground/controller'
import { loadControllerConfig } from '@p2p-playground/controller/config'
import { silent } from '@p2p-playground/p2p/testing'
import { cliOk } from './command.js'
import { LOOPBACK } from './machines.js'
import type { Machine } from './machines.js'
import { isAlive, kill, until } from './processes.js'

const DAEMON = join(import.meta.dirname, '../../packages/daemon/dist/daemon.mjs')
/** `daemon start` gives up on a daemon that takes longer. */
const READY_MS = 30_000

/**
 * One node whose daemon is a process that tests kill, many times: started straight from the bundle, and spoken to by a
 * controller in this process, since a command line for each step would take longer than the step.
 */
export class NodeUnderTest {
  readonly machine: Machine
  #control: Control | undefined
  #pid = 0
  /** How long each start took until the daemon answered, milliseconds. */
  readonly readyMs: number[] = []

  constructor(machine: Machine) {
    this.machine = machine
  }

  get pid(): number {
    return this.#pid
  }

  /** Keys and configuration. */
  async init(): Promise<void> {
    await cliOk(this.machine, 'init', '--name', this.machine.name, ...LOOPBACK)
  }

  /** Resolves when the daemon is ready. `env` comes on top of nothing but the path. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const begunMs = performance.now()
    const child = spawn(process.execPath, [DAEMON, '--home', this.machine.home], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      detached: true,
      cwd: '/',
    })
    this.#pid = child.pid ?? 0
    const line = await firstLine(child.stdio[3] as Readable, READY_MS)
    child.unref()
    if (!line.includes('"ready":true')) throw new Error(`the daemon does not start: ${line}`)
    this.readyMs.push(performance.now() - begunMs)
  }

  /** Ends the daemon as a crash does; resolves when it is gone. */
  async kill(): Promise<void> {
    kill(this.#pid)
    await this.#control?.close()
    this.#control = undefined
    await this.gone()
  }

  /** Resolves when the daemon has ended. */
  async gone(): Promise<void> {
    await until(`daemon ${String(this.#pid)} is gone`, () => !isAlive(this.#pid))
  }

  /** Speaks to the daemon that runs now. */
  async control(): Promise<Control> {
    if (this.#control !== undefined) return this.#control
    const env = { P2P_PLAYGROUND_HOME: this.machine.home }
    const home = resolveHome(env)
    const { config } = await loadControllerConfig({
      home,
      env,
      config: undefined,
      environment: undefined,
    })
    this.#control = await createControl({ home, config, logger: silent, clock: systemClock })
    return this.#control
  }

  async apps(): Promise<readonly AppRow[]> {
    const control = await this.control()
    const { items, failures } = await control.listApps({ target: {} }, AbortSignal.timeout(10_000))
    const [failure] = failures
    if (failure !== undefined) throw new Error(`${failure.code}: ${failure.message}`)
    return items
  }

  async close(): Promise<void> {
    await this.#control?.close()
    this.#control = undefined
  }

  /** Directories of versions on the disk, as `app@version`. */
  versionDirs(): string[] {
    const apps = join(this.machine.home, 'apps')
    return namesIn(apps).flatMap((app) =>
      namesIn(join(apps, app)).map((version) => `${app}@${version}`),
    )
  }

  /** What lies in a directory of the home. */
  left(dir: string): string[] {
    return namesIn(join(this.machine.home, dir))
  }
}

/** Pids of an app's programs on this machine, without the shells around them. */
export function programsOf(machine: Machine, app: string): { pid: number; version: string }[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .flatMap((pid) => {
      if (!isAlive(pid)) return []
      const environment = read(`/proc/${String(pid)}/environ`).split('\0')
      const version = valueOf(environment, 'P2P_PLAYGROUND_VERSION')
      if (valueOf(environment, 'P2P_PLAYGROUND_APP') !== app || version === undefined) return []
      // Other nodes of this machine may run the same app.
      if (!linkOf(`/proc/${String(pid)}/cwd`).startsWith(machine.home)) return []
      return read(`/proc/${String(pid)}/comm`).trim() === 'sleep' ? [{ pid, version }] : []
    })
}

function valueOf(environment: readonly string[], name: string): string | undefined {
  return environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1)
}

function namesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : []
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // The process is gone.
    return ''
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // The process is gone.
    return ''
  }
}

async function firstLine(pipe: Readable, limitMs: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  pipe.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
    if (text.includes('\n')) resolve(text)
  })
  pipe.once('close', () => {
    resolve(text)
  })
  const timer = setTimeout(() => {
    resolve(`nothing within ${String(limitMs)} ms`)
  }, limitMs)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    pipe.destroy()
  }
}
