import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from './processes.js'

/**
 * What speaks Loki's API and can be had from npm. qryn is under the AGPL: it runs as a process of its own and is no dependency.
 */
const PACKAGES = ['qryn@3.2.39', 'chdb@3.4.0']
const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'p2p-playground-tests',
  PACKAGES.join('-'),
)
const DATABASE = 'qryn'

/** Asked for: it is installed, and what takes long with it is run. */
export const RUN_QRYN = process.env['RUN_QRYN'] === '1'

/** Why there is none, or undefined. With RUN_QRYN=1 it is installed: 670 MB, about two minutes. */
export function whyNoQryn(): string | undefined {
  if (existsSync(CACHE)) return undefined
  if (!RUN_QRYN) return 'qryn is not installed: run once with RUN_QRYN=1'
  const parent = join(CACHE, '..')
  mkdirSync(parent, { recursive: true })
  const partial = mkdtempSync(join(parent, 'installing-'))
  writeFileSync(join(partial, 'package.json'), '{ "private": true }')
  // Nothing of theirs needs to be built; a script of qryn looks for patches where npm has not put the package.
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const install = ['install', '--prefix', partial, '--ignore-scripts', ...quiet]
  const { status } = spawnSync('npm', [...install, ...PACKAGES], { stdio: 'inherit', cwd: partial })
  if (status !== 0) {
    rmSync(partial, { recursive: true, force: true })
    return `npm cannot install ${PACKAGES.join(' and ')}`
  }
  renameSync(partial, CACHE)
  return undefined
}

/** A line as qryn gives it back: it keeps no structured metadata. */
export interface QrynLine {
  readonly labels: Readonly<Record<string, string>>
  /** Nanoseconds since the epoch. */
  readonly time: bigint
  readonly line: string
}

/** qryn over ClickHouse as a library, each a process, with nothing stored. */
export class Qryn {
  readonly url: string
  readonly #dir: string
  readonly #clickhouse: ChildProcess
  readonly #clickhousePort: number
  #qryn: ChildProcess | undefined
  #marks = 0

  private constructor(port: number, dir: string, clickhouse: ChildProcess, clickhousePort: number) {
    this.url = `http://127.0.0.1:${String(port)}`
    this.#dir = dir
    this.#clickhouse = clickhouse
    this.#clickhousePort = clickhousePort
  }

  static async start(): Promise<Qryn> {
    const dir = mkdtempSync(join(tmpdir(), 'p2pp-qryn-'))
    const script = join(import.meta.dirname, 'clickhouse.mjs')
    const clickhouse = spawn(process.execPath, [script, CACHE, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const qryn = new Qryn(await freePort(), dir, clickhouse, await portOf(clickhouse))
    try {
      await qryn.resume()
    } catch (error) {
      await qryn.stop()
      throw error
    }
    return qryn
  }

  /** Takes the server away; what is stored stays. */
  async pause(): Promise<void> {
    const qryn = this.#qryn
    this.#qryn = undefined
    if (qryn !== undefined) await ended(qryn)
  }

  async resume(): Promise<void> {
    this.#qryn = spawn(process.execPath, ['node_modules/qryn/qryn.mjs'], {
      cwd: CACHE,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        PORT: new URL(this.url).port,
        CLICKHOUSE_SERVER: '127.0.0.1',
        CLICKHOUSE_PORT: String(this.#clickhousePort),
        CLICKHOUSE_DB: DATABASE,
        CLICKHOUSE_AUTH: 'default:',
        // Lines of the contract suite are years old.
        SAMPLES_DAYS: '10000',
        LABELS_DAYS: '10000',
        LOG_LEVEL: 'error',
      },
    })
    await until('qryn is ready', async () => {
      try {
        return (await fetch(`${this.url}/ready`)).ok
      } catch {
        // It does not listen yet.
        return false
      }
    })
  }

  async stop(): Promise<void> {
    await this.pause()
    await ended(this.#clickhouse)
    rmSync(this.#dir, { recursive: true, force: true })
  }

  /**
   * Resolves when what was acknowledged so far can be found. qryn acknowledges a line that comes while it writes others before it
   * writes that line too. It writes in the order of arrival: a mark that is found has all before it in the database.
   */
  async settle(): Promise<void> {
    const mark = String((this.#marks += 1))
    const now = String(BigInt(Date.now()) * 1_000_000n)
    const response = await fetch(`${this.url}/loki/api/v1/push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ streams: [{ stream: { mark }, values: [[now, 'settled']] }] }),
    })
    if (!response.ok) throw new Error(`qryn answered ${String(response.status)} to a mark`)
    await until('qryn has written what it acknowledged', async () => {
      return (await this.query(`{mark="${mark}"}`, 0n)).length > 0
    })
  }

  /** What a LogQL query finds from a time on, the oldest first. */
  async query(logql: string, startNs: bigint, limit = 5000): Promise<QrynLine[]> {
    const parameters = new URLSearchParams({
      query: logql,
      start: String(startNs),
      end: String(BigInt(Date.now() + 3_600_000) * 1_000_000n),
      limit: String(limit),
      direction: 'forward',
    })
    const response = await fetch(`${this.url}/loki/api/v1/query_range?${parameters.toString()}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`qryn answered ${String(response.status)}: ${text}`)
    const { data } = JSON.parse(text) as QueryAnswer
    return data.result
      .flatMap(({ stream, values }) =>
        values.map(([time, line]) => ({ labels: stream, time: BigInt(time), line })),
      )
      .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
  }
}

interface QueryAnswer {
  readonly data: {
    readonly result: readonly {
      readonly stream: Readonly<Record<string, string>>
      readonly values: readonly (readonly [string, string])[]
    }[]
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  child.once('exit', () => {
    resolve(undefined)
  })
  child.kill('SIGKILL')
  await promise
}

async function portOf(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('no output')
  for await (const line of createInterface({ input: child.stdout })) return Number(line)
  throw new Error('ClickHouse did not start')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
