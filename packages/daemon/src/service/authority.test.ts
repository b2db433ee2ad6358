import { createPrivateKey, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import type { Client } from '@connectrpc/connect'
import { newInstanceRecord, systemClock } from '@p2p-playground/core'
import type { NewEvent, Role } from '@p2p-playground/core'
import { generateSigningKey, signingKeyOf, trustedKey } from '@p2p-playground/core/bundle'
import type { SigningKey, TrustedKey } from '@p2p-playground/core/bundle'
import { createHost, loadIdentity } from '@p2p-playground/p2p'
import type { Host, HostOptions } from '@p2p-playground/p2p'
import { fromConnectError, node } from '@p2p-playground/proto'
import { RecordingLogger } from '@p2p-playground/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Commands } from '../engine/commands.js'
import type { Engine } from '../engine/engine.js'
import { InstanceTable } from '../engine/instance-table.js'
import { DaemonLog } from '../logs/daemon-log.js'
import { EventFeed } from '../logs/event-feed.js'
import { LogStore } from '../logs/log-store.js'
import { NodeLogs } from '../logs/node-logs.js'
import { SqliteStateStore } from '../state/sqlite-state-store.js'
import { CommandGuard } from './command-guard.js'
import { createNodeService } from './node-service.js'
import type { NodeServiceDependencies } from './node-service.js'

type NodeClient = Client<typeof node.NodeService>

const dir = mkdtempSync(join(tmpdir(), 'p2pp-authority-'))
const logger = new RecordingLogger()
const webOperator = keyOf('web-operator', ['operate'], ['web-*'])
const observer = keyOf('observer', ['observe'], ['*'])
const webObserver = keyOf('web-observer', ['observe'], ['web-*'])
const operator = keyOf('operator', ['operate'], ['*'])
const keys = [webOperator, observer, webObserver, operator]

const KINDS = ['app', 'daemon', 'event']

const hosts: Host[] = []
const store = new SqliteStateStore({ path: join(dir, 'state.db'), node: 'n' })
const table = new InstanceTable(store)
const daemonLog = new DaemonLog({ dir, node: 'n', clock: systemClock, redact: (text) => text })
const appLogs = new LogStore({
  rootDir: join(dir, 'apps'),
  node: 'n',
  clock: systemClock,
  logger,
  maxBytesPerApp: 10_000_000,
  maxAgeMs: Infinity,
  redact: [],
})
let serving: Host

beforeAll(async () => {
  serving = await startHost({
    listen: ['/ip4/127.0.0.1/tcp/0'],
    trustedKeys: keys.map(({ trusted }) => trusted),
  })
  const engine: unknown = { table, settled: async () => Promise.resolve() }
  const deps: unknown = {
    host: serving,
    clock: systemClock,
    guard: new CommandGuard({ store, clock: systemClock, self: serving.peerId }),
    commands: new Commands({ engine: engine as Engine, clock: systemClock }),
    deployments: { deploy: () => [] },
    table,
    store,
    logs: new NodeLogs({
      apps: appLogs,
      daemon: daemonLog,
      events: new EventFeed({ store, table }),
    }),
    launcher: { hasHealthCheck: () => false },
    packages: { filesDir: () => dir },
    usage: { instance: () => null },
    limitsOf: () => '',
    info: async () => Promise.resolve(INFO),
  }
  serving.handleCalls((router) => {
    router.service(node.NodeService, createNodeService(deps as NodeServiceDependencies))
  })
  for (const app of ['web-shop', 'calm']) {
    const record = newInstanceRecord({ app, version: '1.0.0' }, '00'.repeat(32))
    table.commit({ save: [{ ...record, presence: 'present', active: true }] })
    await appLogs.append(record, 'pre-start', [`line of ${app}`])
    daemonLog.write('info', 'about', { app })
    table.record(happening(app))
  }
  daemonLog.write('info', 'ready', {})
  table.record(happening(null), happening('web-shop', ' again'), happening('calm', ' again'))
})

afterAll(async () => {
  for (const host of hosts) await host.stop()
  await appLogs.close()
  await daemonLog.close()
  store.close()
  rmSync(dir, { recursive: true, force: true })
})

describe('several keys on one connection', () => {
  let client: NodeClient
  beforeAll(async () => {
    client = await asking(webOperator, observer)
  })

  it('give each its own roles for its own apps', async () => {
    expect(appsOf(await client.listApps({}))).toEqual(['web-shop', 'calm'])
    const { instances } = await client.changeApp(order('web-shop'))
    expect(appsOf({ instances })).toEqual(['web-shop'])
  })

  it('give none the apps of another', async () => {
    expect(await codeOf(client.changeApp(order('calm')))).toBe('AUTH_ROLE')
    expect(await codeOf(readAll(client.deploy(deployment('calm'))))).toBe('AUTH_ROLE')
  })
})

describe('a command outside of the scope', () => {
  it.each<[string, string | null, (client: NodeClient) => Promise<unknown>]>([
    ['changes an app', 'calm', (client) => client.changeApp(order('calm'))],
    ['deploys', 'calm', (client) => readAll(client.deploy(deployment('calm')))],
    [
      'changes the node itself',
      null,
      (client) => client.addPeer({ command: command(), address: '/ip4/127.0.0.1/tcp/1' }),
    ],
  ])('is refused, and that is an event: %s', async (_, app, call) => {
    const client = await asking(webOperator)
    const before = newestSeq()
    expect(await codeOf(call(client))).toBe('AUTH_ROLE')
    expect(store.events({ afterSeq: before })).toEqual([
      expect.objectContaining({ type: 'refused', app, code: 'AUTH_ROLE' }),
    ])
  })
})

describe('who may observe some apps', () => {
  let client: NodeClient
  beforeAll(async () => {
    client = await asking(webObserver)
  })

  it('sees the node, which others target by', async () => {
    expect((await client.getInfo({})).node).toMatchObject({ name: 'n' })
    expect(await client.listPeers({})).toMatchObject({ peers: expect.any(Array) as unknown })
  })

  it('is shown those apps in lists', async () => {
    expect(appsOf(await client.listApps({}))).toEqual(['web-shop'])
    const { versions } = await client.listVersions({})
    expect(versions.map(({ app }) => app)).toEqual(['web-shop'])
    const { versions: named } = await client.listVersions({ app: 'web-shop' })
    expect(named.map(({ app }) => app)).toEqual(['web-shop'])
    for await (const { instances } of client.streamHeartbeats({})) {
      expect(appsOf({ instances })).toEqual(['web-shop'])
      break
    }
  })

  it('is shown the lines that are about those apps', async () => {
    const answers = await readAll(client.streamLogs({ kinds: KINDS }))
    const lines = answers.flatMap(({ entries }) => entries.map(({ line }) => line))
    expect(lines.sort()).toEqual([
      'INFO  about app=web-shop',
      'line of web-shop',
      'started of web-shop',
      'started of web-shop again',
    ])
    const sources = answers.flatMap(({ position }) => Object.keys(position))
    expect(sources.sort()).toEqual(['daemon', 'event', 'web-shop@1.0.0'])
  })

  it.each([
    ['all', {}, ['of web-shop', 'of web-shop again']],
    ['the newest', { tail: 1 }, ['of web-shop again']],
    ['none', { tail: 0 }, []],
  ])('is shown the events of those apps: %s', async (_, request, expected) => {
    const answers = await readAll(client.streamEvents(request))
    expect(answers.flatMap(({ events }) => events.map(({ message }) => message))).toEqual(expected)
  })

  it('follows the lines that are about those apps', async () => {
    const seen: string[] = []
    let hasBegun = false
    for await (const { entries } of client.streamLogs({ kinds: KINDS, tail: 0, follow: true })) {
      if (!hasBegun) sayMore()
      hasBegun = true
      seen.push(...entries.map(({ line }) => line))
      if (seen.length >= 2) break
    }
    expect(seen).toEqual(['INFO  more app=web-shop', 'started of web-shop, more'])
  })

  it('follows the events of those apps', async () => {
    const seen: string[] = []
    for await (const { events } of client.streamEvents({ tail: 1, follow: true })) {
      seen.push(...events.map(({ message }) => message))
      if (seen.length === 1) table.record(happening('calm'), happening('web-shop', ' at last'))
      else break
    }
    expect(seen).toEqual([expect.stringContaining('web-shop'), 'of web-shop at last'])
  })

  it.each<[string, (client: NodeClient) => Promise<unknown>]>([
    ['describe', (one) => one.describeApp({ app: 'calm' })],
    ['versions', (one) => one.listVersions({ app: 'calm' })],
    ['logs', (one) => readAll(one.streamLogs({ app: 'calm', kinds: ['app'] }))],
    [
      'what the daemon says of it',
      (one) => readAll(one.streamLogs({ app: 'calm', kinds: ['daemon'] })),
    ],
  ])('is refused another one by name, and that is an event: %s', async (_, call) => {
    const before = newestSeq()
    expect(await codeOf(call(client))).toBe('AUTH_ROLE')
    expect(store.events({ afterSeq: before })).toEqual([
      expect.objectContaining({ type: 'refused', app: 'calm', code: 'AUTH_ROLE' }),
    ])
  })
})

describe('who may observe all apps', () => {
  it('is shown everything', async () => {
    const client = await asking(observer)
    const request = { kinds: ['daemon', 'event'] }
    const lines = (await readAll(client.streamLogs(request))).flatMap(({ entries }) => entries)
    expect(lines.map(({ line }) => line)).toEqual(
      expect.arrayContaining(['INFO  ready', 'INFO  about app=calm', 'started of the node']),
    )
    const events = (await readAll(client.streamEvents({}))).flatMap((answer) => answer.events)
    expect(events.map(({ message }) => message)).toContain('of the node')
  })
})

describe('who may not observe', () => {
  it.each<[string, (client: NodeClient) => Promise<unknown>]>([
    ['the node', (client) => client.getInfo({})],
    ['apps', (client) => client.listApps({})],
    ['logs', (client) => readAll(client.streamLogs({}))],
    ['events', (client) => readAll(client.streamEvents({}))],
  ])('is shown nothing of %s', async (_, call) => {
    expect(await codeOf(call(await asking(operator)))).toBe('AUTH_ROLE')
  })
})

const INFO = {
  peerId: 'n',
  name: 'n',
  labels: {},
  version: '0.0.0',
  platform: 'linux-x64',
  startedAtMs: 0,
  addresses: [],
  runtimes: {},
  healthCheckers: [],
  plugins: [],
  apps: 2,
  maxApps: 10,
  resources: {
    cpus: 1,
    memoryTotalBytes: 1,
    memoryFreeBytes: 1,
    diskTotalBytes: 1,
    diskFreeBytes: 1,
    load1: 0,
  },
  usage: null,
  logSinks: [],
}

interface TestKey {
  readonly signing: SigningKey
  readonly trusted: TrustedKey
}

function keyOf(name: string, roles: Role[], apps: string[]): TestKey {
  const { privatePem, publicPem } = generateSigningKey('ed25519')
  return {
    signing: signingKeyOf(createPrivateKey(privatePem), name),
    trusted: trustedKey({ name, key_type: 'ed25519', public_key: publicPem, roles, apps }),
  }
}

async function startHost(patch: Partial<HostOptions>): Promise<Host> {
  const host = await createHost({
    identity: await loadIdentity(join(dir, randomUUID())),
    listen: [],
    agent: 'test',
    discoveries: new Map(),
    mdns: false,
    staticPeers: [],
    bootstrapPeers: [],
    trustedKeys: [],
    logger,
    clock: systemClock,
    ...patch,
  })
  hosts.push(host)
  await host.start()
  return host
}

/** Who proves these keys, each on the same connection. */
async function asking(...proved: readonly TestKey[]): Promise<NodeClient> {
  const host = await startHost({ roleKeys: proved.map(({ signing }) => signing) })
  await host.dial(serving.addresses()[0] ?? '', AbortSignal.timeout(5000))
  return createClient(node.NodeService, host.transport(serving.peerId))
}

function command(): { targetPeerId: string; nonce: Buffer; issuedAtMs: bigint } {
  const issuedAtMs = BigInt(Math.round(systemClock.now()))
  return { targetPeerId: serving.peerId, nonce: randomBytes(16), issuedAtMs }
}

function order(app: string): { command: ReturnType<typeof command>; app: string; action: string } {
  return { command: command(), app, action: 'stop' }
}

function deployment(app: string): Parameters<NodeClient['deploy']>[0] {
  return { command: command(), offer: { app, version: '1.0.0' } }
}

function happening(app: string | null, more = ''): NewEvent {
  const message = `of ${app ?? 'the node'}${more}`
  const nobody = { version: null, code: null, by: null }
  return { timeMs: systemClock.now(), type: 'started', app, message, ...nobody }
}

/** One line and one event more of each app, and of none. */
function sayMore(): void {
  for (const app of ['calm', 'web-shop']) daemonLog.write('info', 'more', { app })
  daemonLog.write('info', 'more', {})
  table.record(happening('calm', ', more'), happening(null, ', more'))
  table.record(happening('web-shop', ', more'))
}

function newestSeq(): number {
  return store.events({ tail: 1 })[0]?.seq ?? 0
}

function appsOf({ instances }: { readonly instances: readonly { app: string }[] }): string[] {
  return instances.map(({ app }) => app)
}

async function readAll<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = []
  for await (const message of messages) all.push(message)
  return all
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    return fromConnectError(error).code
  }
  return 'none'
}
