import { createPrivateKey, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import { afterAll, afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { systemClock } from '@p2p-playground/core'
import type { Logger } from '@p2p-playground/core'
import { generateSigningKey, signingKeyOf, trustedKey } from '@p2p-playground/core/bundle'
import { createHost, loadIdentity } from '@p2p-playground/p2p'
import type { Host, HostOptions } from '@p2p-playground/p2p'
import { node } from '@p2p-playground/proto'
import type { WaitOptions } from '../engine/start-watch.js'
import { EngineUnderTest } from '../engine/engine.test.support.js'
import type { FetchJob } from '../engine/fetcher.js'
import { createNodeService } from './node-service.js'
import type { NodeServiceDependencies } from './node-service.js'

const pair = generateSigningKey('ed25519')
const trusted = trustedKey({
  name: 'lead',
  key_type: 'ed25519',
  public_key: pair.publicPem,
  roles: ['observe', 'operate'],
  apps: ['*'],
})
const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

const dir = mkdtempSync(join(tmpdir(), 'p2pp-service-'))
afterAll(() => {
  rmSync(dir, { recursive: true, force: true })
})
const hosts: Host[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const host of hosts.splice(0)) await host.stop()
})

async function start(patch: Partial<HostOptions>): Promise<Host> {
  const host = await createHost({
    identity: await loadIdentity(join(dir, randomUUID())),
    listen: [],
    agent: 'test',
    discoveries: new Map(),
    mdns: false,
    staticPeers: [],
    bootstrapPeers: [],
    trustedKeys: [],
    logger: silent,
    clock: systemClock,
    ...patch,
  })
  hosts.push(host)
  await host.start()
  return host
}

/** What the deployments of a node are asked for with this request, by someone on this machine or elsewhere. */
async function askedWith(
  request: { readonly localPath?: string; readonly timeoutMs?: bigint; readonly limitMs?: bigint },
  isHere = true,
): Promise<{ readonly job: FetchJob; readonly options: WaitOptions }[]> {
  const serving = await start({ listen: ['/ip4/127.0.0.1/tcp/0'], trustedKeys: [trusted] })
  const key = signingKeyOf(createPrivateKey(pair.privatePem), 'test')
  const asking = await start({ roleKeys: [key] })
  vi.spyOn(serving, 'isOnThisMachine').mockImplementation(
    (peerId) => peerId === asking.peerId && isHere,
  )
  const asked: { job: FetchJob; options: WaitOptions }[] = []
  const used: unknown = {
    host: serving,
    guard: { check: () => undefined },
    deployments: {
      deploy: (job: FetchJob, _asker: unknown, options: WaitOptions) => {
        asked.push({ job, options })
        return []
      },
    },
  }
  serving.handleCalls((router) => {
    router.service(node.NodeService, createNodeService(used as NodeServiceDependencies))
  })
  await asking.dial(serving.addresses()[0] ?? '', AbortSignal.timeout(5000))
  const piece = { sizeBytes: 1, digest: randomBytes(32) }
  const answers = createClient(node.NodeService, asking.transport(serving.peerId)).deploy({
    command: { targetPeerId: serving.peerId, nonce: randomBytes(16), issuedAtMs: 0n },
    offer: {
      packageDigest: randomBytes(32),
      app: 'web',
      version: '1.0.0',
      sizeBytes: 1n,
      pieces: [piece],
    },
    ...request,
  })
  for await (const answer of answers) expect(answer).toBeUndefined()
  return asked
}

it.each([
  ['on this machine', true, '/var/tmp/web.p2p'],
  ['elsewhere', false, undefined],
])('whoever deploys %s has a say in which file is read: %s', async (_, isHere, expected) => {
  const asked = await askedWith({ localPath: '/var/tmp/web.p2p' }, isHere)
  expect(asked.map(({ job }) => job.localPath)).toEqual([expected])
})

const DAY_MS = 86_400_000

it.each([
  ['30 days', { timeoutMs: 30n * 86_400_000n }, 30 * DAY_MS, 30 * DAY_MS],
  ['what is left of 30', { timeoutMs: 1n, limitMs: 30n * 86_400_000n }, 1, 30 * DAY_MS],
])('a deployment may take as long as it is given: %s', async (_, request, timeoutMs, limitMs) => {
  const asked = await askedWith(request)
  expect(asked.map(({ options }) => options)).toEqual([{ wait: false, timeoutMs, limitMs }])
})

it('describes an app though what one instance uses cannot be read', async () => {
  const t = new EngineUnderTest()
  onTestFinished(() => t.remove())
  await t.start()
  await t.deploy(await t.jobOf('1.0.0'))
  await t.deploy(await t.jobOf('1.1.0'))
  await t.order('start', '1.0.0')
  const failing = t.pidOf('1.0.0')
  const usage = t.runtime.usage.bind(t.runtime)
  vi.spyOn(t.runtime, 'usage').mockImplementation(async (handle) => {
    if (handle.pid === failing) throw new Error('no such cgroup')
    return usage(handle)
  })
  const serving = await start({ listen: ['/ip4/127.0.0.1/tcp/0'], trustedKeys: [trusted] })
  const asking = await start({
    roleKeys: [signingKeyOf(createPrivateKey(pair.privatePem), 'test')],
  })
  const used: unknown = {
    host: serving,
    table: t.engine.table,
    launcher: t.engine.launcher,
    preflight: t.engine.preflight,
    store: t.store,
    packages: { filesDir: () => '' },
    logs: { apps: t.parts.logs },
    usage: { instance: () => null },
    limitsOf: () => '',
  }
  serving.handleCalls((router) => {
    router.service(node.NodeService, createNodeService(used as NodeServiceDependencies))
  })
  await asking.dial(serving.addresses()[0] ?? '', AbortSignal.timeout(5000))
  const client = createClient(node.NodeService, asking.transport(serving.peerId))
  const { descriptions } = await client.describeApp({ app: 'web' })
  const told = descriptions.map(({ instance, usage: shown }) => [
    instance?.version,
    shown?.memoryBytes,
  ])
  expect(told).toEqual([
    ['1.0.0', undefined],
    ['1.1.0', 1n],
  ])
})
