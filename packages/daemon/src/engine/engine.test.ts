import { createPrivateKey } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@p2p-playground/core'
import type { HealthChecker, InstanceRecord, PlaygroundError } from '@p2p-playground/core'
import {
  buildPieceList,
  generateSigningKey,
  packDirectory,
  signingKeyOf,
  trustedKey,
} from '@p2p-playground/core/bundle'
import {
  FakeHealthChecker,
  InMemoryRuntime,
  RecordingLogger,
  waitFor,
} from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogStore } from '../logs/log-store.js'
import { SqliteStateStore } from '../state/sqlite-state-store.js'
import { Commands } from './commands.js'
import type { Asker, DeployView } from './commands.js'
import { Engine } from './engine.js'
import { Fetcher } from './fetcher.js'
import type { FetchJob } from './fetcher.js'
import { InstanceTable } from './instance-table.js'
import { Launcher } from './launcher.js'
import { PackageStore } from './package-store.js'
import { Supervisor } from './supervisor.js'

const forever = new AbortController().signal
const pair = generateSigningKey('ed25519')
const key = signingKeyOf(createPrivateKey(pair.privatePem), 'test')
const trusted = trustedKey({
  name: 'lead',
  key_type: 'ed25519',
  public_key: pair.publicPem,
  roles: ['publish', 'operate'],
  apps: ['*'],
})
const asker: Asker = { peerId: 'controller', apps: ['*'] }

let dir: string
let runtime: InMemoryRuntime
let health: FakeHealthChecker
let node: { engine: Engine; commands: Commands; store: SqliteStateStore; logs: LogStore }
let source: string | Error

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-engine-'))
  runtime = new InMemoryRuntime()
  health = new FakeHealthChecker()
  node = await startNode()
})

afterEach(async () => {
  await stopNode()
  rmSync(dir, { recursive: true, force: true })
})

async function startNode(): Promise<typeof node> {
  const store = new SqliteStateStore({ path: join(dir, 'state.db'), node: 'n1' })
  const logger = new RecordingLogger()
  const clock = systemClock
  const logs = new LogStore({
    rootDir: join(dir, 'logs'),
    node: 'n1',
    clock,
    logger,
    maxBytesPerApp: 1e8,
    maxAgeMs: 1e9,
    redact: [],
  })
  const packages = new PackageStore({
    apps: join(dir, 'apps'),
    stage: join(dir, 'stage'),
    incoming: join(dir, 'incoming'),
    packages: join(dir, 'packages'),
  })
  const traits = {
    name: 'n1',
    labels: {},
    platform: 'linux-x64',
    defaultRuntime: 'fake',
    defaultLimits: {},
  }
  const runtimes = new Map([['fake', runtime]])
  const healthCheckers = new Map<string, HealthChecker<unknown>>([['fake', health]])
  const table = new InstanceTable(store)
  const launcher = new Launcher({ packages, logs, node: traits, runtimes, healthCheckers })
  const supervisor = new Supervisor({ table, launcher, logs, clock, logger })
  const pieces = {
    fetchPieces: async ({ partPath }: { partPath: string }): Promise<void> => {
      if (source instanceof Error) throw source
      copyFileSync(source, partPath)
      return Promise.resolve()
    },
  }
  const fetcher = new Fetcher({ pieces, packages, trusted: [trusted], revoked: [], clock })
  const engine = new Engine({
    table,
    store,
    packages,
    logs,
    fetcher,
    launcher,
    supervisor,
    clock,
    logger,
    node: traits,
    runtimes: new Set(['fake']),
    healthCheckers: new Set(['fake']),
    maxApps: 3,
  })
  await engine.start()
  return { engine, commands: new Commands({ engine, store, clock, maxApps: 3 }), store, logs }
}

async function stopNode(): Promise<void> {
  await node.engine.stop()
  await node.logs.close()
  node.store.close()
}

async function jobOf(version: string, extra = '', allowDowngrade = false): Promise<FetchJob> {
  const app = join(dir, `app-${version}`)
  mkdirSync(app, { recursive: true })
  writeFileSync(
    join(app, 'manifest.yaml'),
    `name: web\nversion: ${version}\nentrypoint: run\n${extra}`,
  )
  writeFileSync(join(app, 'run'), '#!/bin/sh\n')
  chmodSync(join(app, 'run'), 0o755)
  source = join(dir, `${version}.p2p`)
  const { id } = await packDirectory({ dir: app, outPath: source, key })
  return {
    id,
    list: await buildPieceList(source),
    sources: ['controller'],
    allowDowngrade,
    by: 'controller',
  }
}

async function deploy(
  job: FetchJob,
  options = { wait: true, timeoutMs: 5000 },
): Promise<DeployView[]> {
  const views: DeployView[] = []
  for await (const view of node.commands.deploy(job, asker, options, forever)) views.push(view)
  return views
}

function record(version: string): InstanceRecord {
  const found = node.engine.table.get({ app: 'web', version })
  if (found === undefined) throw new Error(`no ${version}`)
  return found
}

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing',
    (error: unknown) => (error as PlaygroundError).code,
  )

describe('the engine', () => {
  it('fetches, verifies, starts, and says each phase', async () => {
    const views = await deploy(await jobOf('1.0.0'))
    expect([...new Set(views.map((view) => view.phase))]).toEqual([
      'offer',
      'verify',
      'start',
      'done',
    ])
    expect(record('1.0.0')).toMatchObject({ state: 'running', active: true, signedBy: 'lead' })
    expect(node.store.events({}).map((event) => event.type)).toEqual(['deployed', 'started'])
  })

  it('waits for health when the manifest asks for it', async () => {
    health.result = { healthy: false, detail: 'not yet' }
    const deploying = deploy(await jobOf('1.0.0', 'health_check: { type: fake, interval: 50ms }\n'))
    await waitFor('a check', () => health.asked.length > 0)
    health.result = { healthy: true }
    expect((await deploying).at(-1)?.record?.state).toBe('healthy')
  })

  it('says that an app is unhealthy, with the reason', async () => {
    health.result = { healthy: false, detail: 'no database' }
    const job = await jobOf('1.0.0', 'health_check: { type: fake, interval: 10ms, retries: 1 }\n')
    await expect(deploy(job)).rejects.toMatchObject({
      code: 'APP_UNHEALTHY',
      message: expect.stringMatching(/no database/) as string,
    })
  })

  it('says that it took too long, and goes on', async () => {
    health.result = { healthy: false, detail: 'slow' }
    const job = await jobOf('1.0.0', 'health_check: { type: fake, interval: 10s }\n')
    expect(await codeOf(deploy(job, { wait: true, timeoutMs: 200 }))).toBe('APP_WAIT_TIMEOUT')
    expect(record('1.0.0').handle).not.toBeNull()
  })

  it('says that an app ended at once', async () => {
    const deploying = codeOf(deploy(await jobOf('1.0.0', 'restart: { policy: never }\n')))
    const pid = await waitFor(
      'the start',
      () => node.engine.table.get({ app: 'web', version: '1.0.0' })?.handle?.pid,
    )
    runtime.end(pid, { kind: 'exited', code: 3 })
    expect(await deploying).toBe('APP_START')
    expect(record('1.0.0')).toMatchObject({ state: 'failed', reason: 'exit 3' })
  })

  it('starts again what fails, as often as the policy says', async () => {
    await deploy(await jobOf('1.0.0', 'restart: { policy: always, delay: 1ms, max_attempts: 3 }\n'))
    for (let round = 1; round <= 3; round += 1) {
      const { handle } = await waitFor(
        'a run',
        () =>
          runtime.started.length === round && record('1.0.0').handle !== null && record('1.0.0'),
      )
      runtime.end(handle?.pid ?? 0, { kind: 'exited', code: 1 })
    }
    await waitFor('the end', () => record('1.0.0').state === 'failed')
    expect(runtime.started).toHaveLength(3)
    expect(record('1.0.0').reason).toMatch(/^exit 1; 3 starts within/)
  })

  it('replaces a version: the old one ends before the new one starts', async () => {
    await deploy(await jobOf('1.0.0'))
    await deploy(await jobOf('1.1.0'))
    expect(record('1.0.0')).toMatchObject({ active: false, goal: 'stopped', handle: null })
    expect(record('1.1.0')).toMatchObject({ active: true, state: 'running' })
    const types = node.store.events({}).map((event) => `${event.type} ${event.version ?? ''}`)
    expect(types.indexOf('stopped 1.0.0')).toBeLessThan(types.indexOf('started 1.1.0'))
  })

  it('refuses what is older, and takes it when that is meant', async () => {
    await deploy(await jobOf('1.1.0'))
    expect(await codeOf(deploy(await jobOf('1.0.0')))).toBe('APP_DOWNGRADE')
    await deploy(await jobOf('1.0.0', '', true))
    expect(record('1.0.0').active).toBe(true)
  })

  it('keeps the floor after a removal', async () => {
    await deploy(await jobOf('1.1.0'))
    await node.commands.change({ action: 'remove', app: 'web', version: undefined }, asker, forever)
    expect(node.engine.table.list()).toEqual([])
    expect(await codeOf(deploy(await jobOf('1.0.0')))).toBe('APP_DOWNGRADE')
  })

  it('refuses a package that is not the one that was offered', async () => {
    const job = await jobOf('1.0.0')
    await jobOf('2.0.0')
    expect(await codeOf(deploy(job))).toBe('TRANSFER_OFFER')
    expect(node.engine.table.list()).toEqual([])
    expect(node.store.events({}).at(-1)).toMatchObject({
      type: 'refused',
      code: 'TRANSFER_OFFER',
      by: 'controller',
    })
  })

  it('gives up when the source is gone, and leaves nothing behind', async () => {
    const job = await jobOf('1.0.0')
    source = new Error('connection lost')
    await expect(deploy(job)).rejects.toThrow('connection lost')
    expect(node.engine.table.list()).toEqual([])
  })

  it('keeps a key to its apps', async () => {
    const job = await jobOf('1.0.0')
    const other = { peerId: 'p', apps: ['db-*'] }
    const deploying = node.commands
      .deploy(job, other, { wait: true, timeoutMs: 1000 }, forever)
      .next()
    expect(await codeOf(deploying)).toBe('AUTH_ROLE')
  })

  it('stops, starts and restarts by command', async () => {
    await deploy(await jobOf('1.0.0'))
    const change = async (
      action: 'start' | 'stop' | 'restart',
    ): Promise<InstanceRecord | undefined> =>
      (await node.commands.change({ action, app: 'web', version: undefined }, asker, forever))[0]
    expect(await change('stop')).toMatchObject({ state: 'stopped', handle: null, reason: '' })
    expect(await change('stop')).toMatchObject({ state: 'stopped' })
    const started = await change('start')
    expect(started).toMatchObject({ state: 'running' })
    expect(await change('start')).toMatchObject({ handle: started?.handle ?? {} })
    expect((await change('restart'))?.handle?.pid).not.toBe(started?.handle?.pid)
  })

  it.each(['start', 'remove'] as const)('says that there is no app to %s', async (action) => {
    const changing = node.commands.change(
      { action, app: 'none', version: undefined },
      asker,
      forever,
    )
    expect(await codeOf(changing)).toBe('APP_NOT_FOUND')
  })

  it('takes running apps over when the daemon starts again', async () => {
    await deploy(await jobOf('1.0.0'))
    const pid = record('1.0.0').handle?.pid
    await stopNode()
    runtime = new InMemoryRuntime(runtime)
    node = await startNode()
    expect(record('1.0.0').handle?.pid).toBe(pid)
    expect(runtime.started).toEqual([])
  })

  it('knows how an app ended while no daemon ran', async () => {
    await deploy(await jobOf('1.0.0', 'restart: { policy: never }\n'))
    const pid = record('1.0.0').handle?.pid ?? 0
    await stopNode()
    runtime.end(pid, { kind: 'exited', code: 4 })
    node = await startNode()
    await waitFor('the end', () => record('1.0.0').state === 'failed')
    expect(record('1.0.0').reason).toBe('exit 4')
  })
})
