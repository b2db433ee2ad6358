import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cliJson, cliOk } from './command.js'
import { isAlive, kill, processesUnder, until } from './processes.js'

/** One machine of a test: a home of its own, maybe a network namespace of its own. */
export interface Machine {
  /** Also the name of its node. */
  readonly name: string
  readonly home: string
  /** Directory of the whole test: packages and keys lie here. */
  readonly base: string
  /** Network namespace that its commands run in. */
  readonly netns: string | undefined
  /** Where its programs are found, when that is not what the test has. */
  readonly path?: string
  /** What its commands have in their environment besides. */
  readonly env?: Readonly<Record<string, string>>
}

export interface DaemonStatus {
  readonly pid: number
  readonly peerId: string
  readonly addresses: readonly string[]
}

/** One row of `app list --json`. */
export interface AppRow {
  readonly node: string
  readonly app: string
  readonly version: string
  readonly state: string
  readonly pid: number | null
  readonly reason: string
  readonly ports: Readonly<Record<string, number>>
}

/** Listens on this machine only, and finds nobody by itself. */
export const LOOPBACK = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns'] as const

/** The machines of one test file, under one temporary directory. */
export class Machines {
  #base: string | undefined

  /** Made when it is asked for first: a file whose tests are all left out runs no hook that would remove it. */
  get base(): string {
    return (this.#base ??= mkdtempSync(join(tmpdir(), 'p2p-playground-test-')))
  }

  machine(name: string, netns?: string): Machine {
    const path = this.path.bind(this)
    return {
      name,
      netns,
      get home() {
        return path(name)
      },
      get base() {
        return path()
      },
    }
  }

  path(...parts: string[]): string {
    return join(this.base, ...parts)
  }

  /** Kills what runs from here, by pid, and deletes the files. Idempotent. */
  async remove(): Promise<void> {
    const base = this.#base
    if (base === undefined) return
    await until('everything of the test is gone', () => {
      const pids = processesUnder(base)
      for (const pid of pids) kill(pid)
      return pids.length === 0
    })
    rmSync(base, { recursive: true, force: true })
  }
}

/** `init` on the first machine, `join` on the others, and a daemon on each; the first one knows them all. */
export async function startFleet(machines: readonly Machine[]): Promise<DaemonStatus[]> {
  const [first, ...others] = machines
  if (first === undefined) return []
  await cliOk(first, 'init', '--name', first.name, ...LOOPBACK)
  const statuses = [await startDaemon(first)]
  const { token } = await cliJson<{ token: string }>(first, 'invite')
  const joined = others.map(async (machine) => {
    await cliOk(machine, 'join', token, '--name', machine.name, ...LOOPBACK)
    return startDaemon(machine)
  })
  statuses.push(...(await Promise.all(joined)))
  for (const { addresses } of statuses.slice(1)) {
    await cliOk(first, 'node', 'add', addresses[0] ?? '')
  }
  return statuses
}

export async function startDaemon(machine: Machine): Promise<DaemonStatus> {
  return cliJson<DaemonStatus>(machine, 'daemon', 'start')
}

/** Ends a daemon as a crash does, and waits until it is gone. */
export async function crashDaemon(machine: Machine): Promise<void> {
  const { pid } = await cliJson<DaemonStatus>(machine, 'daemon', 'status')
  kill(pid)
  await until(`daemon ${String(pid)} is gone`, () => !isAlive(pid))
}

export async function apps(machine: Machine): Promise<AppRow[]> {
  return cliJson<AppRow[]>(machine, 'app', 'list')
}

/** Rewrites a file of a machine's home; the modes stay private. */
export function edit(machine: Machine, file: string, change: (text: string) => string): void {
  const path = join(machine.home, file)
  writeFileSync(path, change(readFileSync(path, 'utf8')), { mode: 0o600 })
}

export interface TestApp {
  readonly name: string
  readonly version?: string
  /** Lines of the program, a shell script. */
  readonly script?: string
  /** What runs the program; default /bin/sh. */
  readonly interpreter?: string
  /** As manifest.yaml has it; default bin/run. */
  readonly entrypoint?: string
  /** Further lines of manifest.yaml. */
  readonly manifest?: string
  /** Further files: path to content. */
  readonly files?: Readonly<Record<string, Uint8Array>>
}

/** Writes the directory of a small application, ready to pack. */
export function writeApp(base: string, app: TestApp): string {
  const { name, version = '1.0.0', manifest = '', files = {} } = app
  const { interpreter = '/bin/sh', entrypoint = 'bin/run' } = app
  const dir = join(base, `${name}-${version}`)
  mkdirSync(join(dir, 'bin'), { recursive: true })
  const script = app.script ?? 'echo started\nexec sleep 600'
  writeFileSync(
    join(dir, 'manifest.yaml'),
    `name: ${name}\nversion: "${version}"\nentrypoint: ${entrypoint}\n${manifest}`,
  )
  writeFileSync(join(dir, 'bin', 'run'), `#!${interpreter}\n${script}\n`, { mode: 0o755 })
  for (const [path, content] of Object.entries(files)) writeFileSync(join(dir, path), content)
  return dir
}
