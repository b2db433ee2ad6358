import { randomBytes } from 'node:crypto'
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import type { InstanceRecord } from '@p2p-playground/core'
import { Loopback, keyPair } from '@p2p-playground/p2p/testing'
import type { WaitOptions } from '../engine/start-watch.js'
import { EngineUnderTest } from '../engine/engine.test.support.js'
import type { FetchJob } from '../engine/fetcher.js'
import { clientOf, serve } from './node-service.test.support.js'

const key = keyPair('ed25519')
const loopback = new Loopback()
afterEach(async () => {
  vi.restoreAllMocks()
  await loopback.close()
})

const DIGEST = randomBytes(32)

/** What the deployments of a node are asked for with this request, by someone on this machine or elsewhere. */
async function askedWith(
  request: { readonly localPath?: string; readonly timeoutMs?: bigint; readonly limitMs?: bigint },
  isHere = true,
): Promise<{ readonly job: FetchJob; readonly options: WaitOptions }[]> {
  const serving = await loopback.host({ trustedKeys: [key.trusted] })
  const asking = await loopback.host({ listen: [], roleKeys: [key.signing] })
  vi.spyOn(serving, 'isOnThisMachine').mockImplementation(
    (peerId) => peerId === asking.peerId && isHere,
  )
  const asked: { job: FetchJob; options: WaitOptions }[] = []
  serve(serving, {
    host: serving,
    guard: { check: () => undefined },
    deployments: {
      deploy: (job: FetchJob, _asker: unknown, options: WaitOptions) => {
        asked.push({ job, options })
        return []
      },
    },
  })
  const client = await clientOf(asking, serving)
  const piece = { sizeBytes: 1, digest: randomBytes(32) }
  const answers = client.deploy({
    command: { targetPeerId: serving.peerId, nonce: randomBytes(16), issuedAtMs: 0n },
    offer: {
      packageDigest: DIGEST,
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

/** A package as nodes keep it. */
const KEPT = `/home/else/packages/${DIGEST.toString('hex')}.p2p`

it.each([
  ['on this machine', true, '/var/tmp/web.p2p', '/var/tmp/web.p2p'],
  ['elsewhere', false, '/var/tmp/web.p2p', undefined],
  ['elsewhere', false, `${KEPT}/web.p2p`, undefined],
  ['elsewhere', false, KEPT, KEPT],
  ['on this machine', true, '', undefined],
])('whoever deploys %s (%s) and names "%s" has read: %s', async (_, isHere, path, expected) => {
  const asked = await askedWith({ localPath: path }, isHere)
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
  const serving = await loopback.host({ trustedKeys: [key.trusted] })
  const asking = await loopback.host({ listen: [], roleKeys: [key.signing] })
  serve(serving, {
    host: serving,
    table: t.engine.table,
    launcher: t.engine.launcher,
    preflight: t.engine.preflight,
    store: t.store,
    packages: { filesDir: () => '' },
    logs: { apps: t.parts.logs },
    usage: { instance: () => null },
    isLost: () => false,
    limitsOf: () => '',
  })
  const client = await clientOf(asking, serving)
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

it('says wherever it is listed that nobody watches an app whose runtime is gone', async () => {
  const t = new EngineUnderTest()
  onTestFinished(() => t.remove())
  await t.startWith({})
  await t.deploy(await t.jobOf('1.0.0'))
  t.runtimeName = 'other'
  await t.startWith({})
  const serving = await loopback.host({ trustedKeys: [key.trusted] })
  const asking = await loopback.host({ listen: [], roleKeys: [key.signing] })
  serve(serving, {
    table: t.engine.table,
    launcher: t.engine.launcher,
    preflight: t.engine.preflight,
    isLost: (record: InstanceRecord) => t.engine.isLost(record),
    limitsOf: () => '',
  })
  const client = await clientOf(asking, serving)
  const [{ instances }, { versions }] = await Promise.all([
    client.listApps({}),
    client.listVersions({ app: 'web' }),
  ])
  const about = { app: 'web', version: '1.0.0', state: 'unknown' }
  expect(instances).toMatchObject([about])
  expect(versions).toMatchObject([about])
})
