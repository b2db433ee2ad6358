import { createPrivateKey } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
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
import type { AppOrder, Asker } from './commands.js'
import { createEngine } from './create-engine.js'
import { Deployments } from './deployments.js'
import type { DeployView } from './deployments.js'
import type { Engine } from './engine.js'
import { Fetcher } from './fetcher.js'
import type { FetchJob } from './fetcher.js'
import { PackageStore } from './package-store.js'

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
let node: {
  engine: Engine
  commands: Commands
  deployments: Deployments
  store: SqliteStateStore
  logs: LogStore
}
let bootId: string
let source: string | Error

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'p2pp-engine-'))
  runtime = new InMemoryRuntime()
  health = new FakeHealthChecker()
  bootId = 'boot'
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
    quarantine: join(dir, 'quarantine'),
  })
  const traits = {
    name: 'n1',
    labels: {},
    platform: 'linux-x64',
    defaultRuntime: 'fake',
    defaultLimits: {},
  }
  const pieces = {
    fetchPieces: async ({ partPath }: { partPath: string }): Promise<void> => {
      if (source instanceof Error) throw source
      copyFileSync(source, partPath)
      return Promise.resolve()
    },
  }
  const engine = createEngine({
    store,
    packages,
    logs,
    fetcher: new Fetcher({ pieces, packages, trusted: [trusted], revoked: [], clock }),
    clock,
    logger,
    node: traits,
    runtimes: new Map([['fake', runtime]]),
    healthCheckers: new Map<string, HealthChecker<unknown>>([['fake', health]]),
    maxApps: 3,
    keepVersions: 3,
    updatePolicy: 'immediate',
    bootId,
    failpoint: () => undefined,
  })
  await engine.start()
  const options = { engine, store, clock, maxApps: 3, updatePolicy: 'immediate' as const }
  return {
    engine,
    commands: new Commands(options),
    deployments: new Deployments(options),
    store,
    logs,
  }
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
  for await (const view of node.deployments.deploy(job, asker, options, forever)) views.push(view)
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
    expect(node.store.events({}).map((event) => event.type)).toEqual([
      'deployed',
      'updated',
      'started',
    ])
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
    const job = await jobOf(
      '1.0.0',
      'health_check: { type: fake, interval: 10ms, retries: 1 }\nupdate: { deadline: 100ms }\n',
    )
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
    const deploying = node.deployments
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

  it('ends a hook and what it kept of an interrupted start, and does not count that', async () => {
    await deploy(await jobOf('1.0.0'))
    await stopNode()
    const store = new SqliteStateStore({ path: join(dir, 'state.db'), node: 'n1' })
    const [interrupted] = store.instances()
    if (interrupted === undefined) throw new Error('no record')
    const startsMs = [...interrupted.startsMs, 5]
    store.commit({ save: [{ ...interrupted, state: 'starting', handle: null, startsMs }] })
    store.close()
    node = await startNode()
    await waitFor('the start', () => record('1.0.0').handle !== null)
    expect(record('1.0.0').startsMs).toHaveLength(2)
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

const order = async (
  action: AppOrder['action'],
  version?: string,
  more: Partial<AppOrder> = {},
): Promise<InstanceRecord[]> =>
  node.commands.change({ action, app: 'web', version, ...more }, asker, forever)

const pidOf = (version: string): number =>
  node.engine.table.get({ app: 'web', version })?.handle?.pid ?? 0
const eventTypes = (): string[] =>
  node.store.events({}).map((event) => `${event.type} ${event.version ?? ''}`)
const crash = async (version: string, code = 1): Promise<void> => {
  const pid = await waitFor('a run', () => pidOf(version) || undefined)
  runtime.end(pid, { kind: 'exited', code })
  await waitFor('its end', () => pidOf(version) !== pid)
}
/** Stable within a moment. */
const QUICK = 'healthy_after: 10ms, watch: 10ms'

describe('a new version', () => {
  it('becomes stable when it is well for long enough', async () => {
    await deploy(await jobOf('1.0.0', `update: { ${QUICK} }\n`))
    await waitFor('the verdict', () => node.engine.table.app('web').stable === '1.0.0')
    expect(eventTypes().slice(-2)).toEqual(['health 1.0.0', 'updated 1.0.0'])
  })

  it('that fails is rolled back, once, and not taken again', async () => {
    await deploy(await jobOf('1.0.0'))
    const bad = await jobOf('1.1.0', 'restart: { max_attempts: 1 }\n')
    const deploying = codeOf(deploy(bad))
    await crash('1.1.0')
    expect(await deploying).toBe('APP_ROLLED_BACK')
    await waitFor('the old one', () => pidOf('1.0.0') > 0)
    expect(record('1.1.0')).toMatchObject({
      state: 'failed',
      active: false,
      goal: 'stopped',
      condemned: expect.stringMatching(/^exit 1; 1 starts/) as string,
    })
    expect(record('1.0.0')).toMatchObject({ active: true, state: 'running' })
    expect(eventTypes()).toContain('rollback 1.1.0')
    expect(await codeOf(deploy(bad))).toBe('APP_CONDEMNED')
    expect(runtime.started).toHaveLength(3)
  })

  it('that failed is tried again when somebody says so', async () => {
    await deploy(await jobOf('1.0.0'))
    const deploying = codeOf(deploy(await jobOf('1.1.0', 'restart: { policy: never }\n')))
    await crash('1.1.0')
    await deploying
    await order('upgrade', '1.1.0')
    expect(record('1.1.0')).toMatchObject({ active: true, state: 'running', condemned: '' })
    expect(node.engine.table.app('web').badDigests).toEqual([])
  })

  it('that fails with nothing to go back to is stopped, and says so', async () => {
    const deploying = codeOf(deploy(await jobOf('1.0.0', 'restart: { policy: never }\n')))
    await crash('1.0.0', 9)
    expect(await deploying).toBe('APP_START')
    const last = node.store.events({}).find((event) => event.type === 'rollback')
    expect(last?.message).toContain('there is no version to go back to: exit 9')
  })

  it('that is never well is rolled back at its deadline', async () => {
    await deploy(await jobOf('1.0.0'))
    health.result = { healthy: false, detail: 'no database' }
    const sick =
      'health_check: { type: fake, interval: 5ms, retries: 1 }\nrestart: { delay: 1ms, max_attempts: 50 }\nupdate: { deadline: 500ms }\n'
    expect(await codeOf(deploy(await jobOf('1.1.0', sick)))).toBe('APP_ROLLED_BACK')
    expect(record('1.1.0').condemned).toMatch(/not well for 10 s within 0.5 s: .*no database/)
  })

  it('stays where it is when auto_rollback is off', async () => {
    await deploy(await jobOf('1.0.0'))
    const stubborn = 'restart: { policy: never }\nupdate: { auto_rollback: false }\n'
    const deploying = codeOf(deploy(await jobOf('1.1.0', stubborn)))
    await crash('1.1.0')
    expect(await deploying).toBe('APP_START')
    expect(record('1.1.0')).toMatchObject({ active: true, state: 'failed' })
  })

  it('waits under a graceful policy, and never touches the one that runs', async () => {
    await deploy(await jobOf('1.0.0', 'restart: { policy: always }\n'))
    const pid = pidOf('1.0.0')
    const views = await deploy(await jobOf('1.1.0', 'update: { policy: graceful }\n'))
    expect(views.at(-1)).toMatchObject({ phase: 'done', record: { state: 'staged' } })
    expect(pidOf('1.0.0')).toBe(pid)
    runtime.end(pid, { kind: 'exited', code: 0 })
    await waitFor('the new one', () => pidOf('1.1.0') > 0)
    expect(record('1.0.0')).toMatchObject({ active: false, handle: null })
    expect(runtime.started.map((spec) => spec.instance)).toEqual(['web@1.0.0', 'web@1.1.0'])
  })

  it('under a graceful policy takes over after max_wait', async () => {
    await deploy(await jobOf('1.0.0'))
    await deploy(await jobOf('1.1.0', 'update: { policy: graceful, max_wait: 50ms }\n'))
    await waitFor('the new one', () => pidOf('1.1.0') > 0)
    expect(record('1.0.0').handle).toBeNull()
  })

  it('waits for a command under a manual policy', async () => {
    await deploy(await jobOf('1.0.0'))
    await deploy(await jobOf('1.1.0', 'update: { policy: manual }\n'))
    expect(record('1.1.0')).toMatchObject({ state: 'staged', active: false })
    const [after] = await order('upgrade')
    expect(after).toMatchObject({ version: '1.1.0', active: true, state: 'running' })
  })

  it('takes the place of one that was stopped, and stays stopped under a graceful policy', async () => {
    await deploy(await jobOf('1.0.0'))
    await order('stop')
    await deploy(await jobOf('1.1.0', 'update: { policy: graceful }\n'))
    await waitFor('the change', () => record('1.1.0').active)
    expect(record('1.1.0')).toMatchObject({ goal: 'stopped', handle: null })
  })
})

describe('versions', () => {
  it('go back by command, without trial, also to one that is named by a tag', async () => {
    await deploy(await jobOf('1.0.0'))
    await deploy(await jobOf('1.1.0'))
    await order('tag', '1.0.0', { tag: 'known-good' })
    expect((await order('rollback', 'known-good'))[0]).toMatchObject({
      version: '1.0.0',
      active: true,
      state: 'running',
    })
    expect(node.engine.table.app('web').trial).toBeNull()
    expect(record('1.1.0')).toMatchObject({ active: false, handle: null, condemned: '' })
  })

  it('go back to the one before when nothing is said', async () => {
    await deploy(await jobOf('1.0.0'))
    await deploy(await jobOf('1.1.0'))
    expect((await order('rollback'))[0]?.version).toBe('1.0.0')
    expect(await codeOf(order('rollback'))).toBe('APP_NOT_FOUND')
  })

  it('run beside each other, with ports of their own', async () => {
    const ports = 'ports: { web: 0 }\n'
    await deploy(await jobOf('1.0.0', ports))
    await deploy(await jobOf('1.1.0', ports))
    await order('start', '1.0.0')
    const [old, next] = [record('1.0.0'), record('1.1.0')]
    expect([old.state, next.state]).toEqual(['running', 'running'])
    expect(old.ports['web']).not.toBe(next.ports['web'])
    expect([old.active, next.active]).toEqual([false, true])
  })

  it('refuse a port that another one of them uses', async () => {
    const ports = 'ports: { web: 4242 }\n'
    await deploy(await jobOf('1.0.0', ports))
    await deploy(await jobOf('1.1.0', ports))
    expect(await codeOf(order('start', '1.0.0'))).toBe('APP_START')
    expect(record('1.0.0').reason).toContain('is used by web@1.1.0')
  })

  it('go when there are too many, but not those that something needs', async () => {
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await deploy(await jobOf(version))
    await order('tag', '1.0.0', { tag: 'stable' })
    await deploy(await jobOf('1.3.0'))
    await waitFor(
      'the removal',
      () => node.engine.table.get({ app: 'web', version: '1.1.0' }) === undefined,
    )
    const kept = node.engine.table.list().map(({ version }) => version)
    expect(kept.sort()).toEqual(['1.0.0', '1.2.0', '1.3.0'])
    expect(eventTypes()).toContain('pruned 1.1.0')
  })

  it.each([
    ['latest', 'USAGE'],
    ['Bad Tag', 'USAGE'],
  ])('cannot have the tag "%s"', async (tag, code) => {
    await deploy(await jobOf('1.0.0'))
    expect(await codeOf(order('tag', '1.0.0', { tag }))).toBe(code)
  })

  it('lose a tag by command, and say so when they have none', async () => {
    await deploy(await jobOf('1.0.0'))
    await order('tag', undefined, { tag: 'stable' })
    expect(node.engine.table.app('web').tags).toEqual({ stable: '1.0.0' })
    await order('untag', undefined, { tag: 'stable' })
    expect(node.engine.table.app('web').tags).toEqual({})
    expect(await codeOf(order('untag', undefined, { tag: 'stable' }))).toBe('APP_NOT_FOUND')
  })
})

describe('health', () => {
  it('starts an unhealthy app again, and gives up as often as the policy says', async () => {
    health.result = { healthy: false, detail: 'stuck' }
    const job = await jobOf(
      '1.0.0',
      'health_check: { type: fake, interval: 5ms, retries: 2 }\nrestart: { delay: 1ms, max_attempts: 3 }\n',
    )
    expect(await codeOf(deploy(job))).toBe('APP_UNHEALTHY')
    expect(runtime.started).toHaveLength(3)
    expect(record('1.0.0').lastFailure).toMatch(/^unhealthy: stuck/)
    const [failure] = node.store.failures('web')
    expect(failure).toMatchObject({ starts: 3, health: { healthy: false, detail: 'stuck' } })
  })

  it('leaves an unhealthy app alone under policy never', async () => {
    health.result = { healthy: false, detail: 'stuck' }
    const job = await jobOf(
      '1.0.0',
      'health_check: { type: fake, interval: 5ms, retries: 1 }\nrestart: { policy: never }\nupdate: { auto_rollback: false, deadline: 50ms }\n',
    )
    expect(await codeOf(deploy(job))).toBe('APP_UNHEALTHY')
    expect(record('1.0.0')).toMatchObject({ state: 'unhealthy', goal: 'running' })
    expect(pidOf('1.0.0')).toBeGreaterThan(0)
  })
})

/** Names of the hook and of what it writes. */
const HOOKS = 'scripts: { pre_start: pre, post_stop: post }\n'

async function jobWithHooks(version: string, extra = ''): Promise<FetchJob> {
  const app = join(dir, `app-${version}`)
  mkdirSync(app, { recursive: true })
  for (const hook of ['pre', 'post']) writeFileSync(join(app, hook), '#!/bin/sh\n')
  return jobOf(version, HOOKS + extra)
}

/** Lets each start end as the test says, by the last part of its program's path. */
function endRuns(exits: Readonly<Record<string, number>>): void {
  runtime.onStart = (spec, pid) => {
    const name = spec.command[0].split('/').at(-1) ?? ''
    const code = exits[name]
    if (code === undefined) return
    writeFileSync(spec.stdoutPath, `${name} speaks\n`, { flag: 'a' })
    runtime.end(pid, { kind: 'exited', code })
  }
}

const programs = (): string[] =>
  runtime.started.map((spec) => spec.command[0].split('/').at(-1) ?? '')

const linesOf = async (version: string): Promise<string[]> =>
  (await node.logs.tailOf({ app: 'web', version }, 100)).map(
    ({ stream, line }) => `${stream} ${line}`,
  )

describe('hooks', () => {
  it('run before a start and after an end, and write to the log', async () => {
    endRuns({ pre: 0, post: 0 })
    await deploy(await jobWithHooks('1.0.0'))
    expect(programs()).toEqual(['pre', 'run'])
    await order('stop')
    expect(programs()).toEqual(['pre', 'run', 'post'])
    expect(await linesOf('1.0.0')).toEqual(['pre-start pre speaks', 'post-stop post speaks'])
    expect(record('1.0.0')).toMatchObject({ hook: null, postStopDue: false })
  })

  it('that fail before a start are a failed run', async () => {
    endRuns({ pre: 7, post: 0 })
    const job = await jobWithHooks('1.0.0', 'restart: { delay: 1ms, max_attempts: 2 }\n')
    expect(await codeOf(deploy(job))).toBe('APP_START')
    await waitFor('the last hook', () => !record('1.0.0').postStopDue)
    expect(programs()).toEqual(['pre', 'post', 'pre', 'post'])
    expect(record('1.0.0').condemned).toMatch(/^pre-start: exit 7; 2 starts/)
    expect(node.store.events({}).find((event) => event.type === 'hook')?.code).toBe('APP_HOOK')
  })

  it('that fail after an end are only told', async () => {
    endRuns({ pre: 0, post: 3 })
    await deploy(await jobWithHooks('1.0.0'))
    await order('restart')
    expect(record('1.0.0').state).toBe('running')
    expect(programs()).toEqual(['pre', 'run', 'post', 'pre', 'run'])
  })

  it('that a killed daemon left running are ended by the next', async () => {
    endRuns({ post: 0 })
    const deploying = codeOf(deploy(await jobWithHooks('1.0.0')))
    const hook = await waitFor(
      'the hook',
      () => node.engine.table.get({ app: 'web', version: '1.0.0' })?.hook ?? undefined,
    )
    // What is on disk now is what a killed daemon leaves.
    const left = node.store.instances()
    await stopNode()
    await deploying
    const store = new SqliteStateStore({ path: join(dir, 'state.db'), node: 'n1' })
    store.commit({ save: left })
    store.close()
    runtime = new InMemoryRuntime(runtime)
    endRuns({ pre: 0 })
    node = await startNode()
    await waitFor('the start', () => record('1.0.0').state === 'running')
    expect(await runtime.adopt(hook)).toBe(false)
    expect(record('1.0.0').startsMs).toHaveLength(1)
  })
})

describe('what was found at the start of a daemon', () => {
  it('is repaired from the package when files are gone', async () => {
    await deploy(await jobOf('1.0.0'))
    await order('stop')
    await stopNode()
    rmSync(join(dir, 'apps', 'web', '1.0.0', 'files'), { recursive: true })
    node = await startNode()
    expect(existsSync(join(dir, 'apps', 'web', '1.0.0', 'files', 'run'))).toBe(true)
    expect(node.store.events({}).at(-1)).toMatchObject({ type: 'repaired', code: 'STATE_CORRUPT' })
  })

  it('is set aside when its package is damaged too', async () => {
    const job = await jobOf('1.0.0')
    await deploy(job)
    await order('stop')
    await stopNode()
    rmSync(join(dir, 'apps', 'web', '1.0.0', 'files'), { recursive: true })
    writeFileSync(join(dir, 'packages', `${job.id.digest}.p2p`), 'garbage')
    node = await startNode()
    expect(node.engine.table.list()).toEqual([])
    expect(readdirSync(join(dir, 'quarantine'))).toHaveLength(1)
    await deploy(job)
    expect(record('1.0.0').state).toBe('running')
  })

  it('starts again at once when the machine was started again', async () => {
    await deploy(await jobOf('1.0.0', 'restart: { policy: always, delay: 1h }\n'))
    await stopNode()
    runtime = new InMemoryRuntime()
    bootId = 'next boot'
    node = await startNode()
    await waitFor('the start', () => runtime.started.length === 1)
    expect(record('1.0.0').startsMs).toHaveLength(1)
  })

  it('does not repeat what was to run once when the machine was started again', async () => {
    await deploy(await jobOf('1.0.0', 'restart: { policy: never }\n'))
    await stopNode()
    runtime = new InMemoryRuntime()
    bootId = 'next boot'
    node = await startNode()
    await waitFor('the end', () => record('1.0.0').handle === null)
    expect(runtime.started).toEqual([])
  })
})
