import { FakeHealthChecker, waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnderTest, codeOf } from './engine.test.support.js'
import type { NodeOffers } from './engine.test.support.js'
import { noteOf } from './status.js'

let t: EngineUnderTest

beforeEach(() => {
  t = new EngineUnderTest()
})

afterEach(async () => {
  await t.remove()
})

/** Without the half second after which a version counts as ready. */
async function bring(version: string, extra = ''): Promise<void> {
  await t.deploy(await t.jobOf(version, extra), { wait: false, timeoutMs: 5000 })
  await waitFor('its run', () => t.pidOf(version) > 0)
}

/** Version 1.0.0 runs, 1.1.0 is kept and has run, and from now on the node lacks what 1.1.0 needs. */
async function keepUnrunnable(needs: string, offers: NodeOffers): Promise<number> {
  await t.startWith(offers)
  await bring('1.0.0')
  await bring('1.1.0', needs)
  await t.order('rollback', '1.0.0')
  await t.startWith({})
  return t.pidOf('1.0.0')
}

const ZONE = "args: ['${node.label.zone}']\n"
const IN_A_ZONE = { labels: { zone: 'b' } }

describe.each<[string, string, NodeOffers, string]>([
  ['runtime', 'runtime: gone\n', { runtimes: ['gone'] }, 'RUNTIME_NOT_FOUND'],
  [
    'health check',
    'health_check: { type: gone, interval: 100ms }\n',
    { healthCheckers: { gone: new FakeHealthChecker() } },
    'RUNTIME_HEALTH_TYPE',
  ],
  ['label', ZONE, IN_A_ZONE, 'APP_REFERENCE'],
])('a version whose %s is gone since it came', (_what, needs, offers, code) => {
  it.each(['upgrade', 'rollback', 'start'] as const)(
    'is refused by %s, and the one that runs is left alone',
    async (action) => {
      const pid = await keepUnrunnable(needs, offers)
      const state = (): unknown => [t.engine.table.list(), t.engine.table.app('web')]
      const before = state()
      expect(await codeOf(t.order(action, '1.1.0'))).toBe(code)
      expect(state()).toEqual(before)
      expect(pid).toBeGreaterThan(0)
      expect(t.pidOf('1.0.0')).toBe(pid)
      expect(t.store.events({}).at(-1)).toMatchObject({ type: 'refused', app: 'web', code })
    },
  )

  it('is refused when it is deployed again', async () => {
    const pid = await keepUnrunnable(needs, offers)
    expect(await codeOf(t.deploy(await t.jobOf('1.1.0', needs)))).toBe(code)
    expect(t.pidOf('1.0.0')).toBe(pid)
    expect(t.engine.table.app('web').pending).toBeNull()
  })
})

it('where there is no sandbox and daemon.yaml requires one, nothing that runs ends for what could not start', async () => {
  await t.startWith({})
  await bring('1.0.0')
  await bring('1.1.0')
  await t.order('rollback', '1.0.0')
  const pid = await waitFor('the old one', () => t.pidOf('1.0.0'))
  await t.startWith({ sandbox: 'required' })
  for (const action of ['upgrade', 'rollback', 'start'] as const)
    expect(await codeOf(t.order(action, '1.1.0'))).toBe('RUNTIME_SANDBOX')
  expect(await codeOf(t.deploy(await t.jobOf('1.2.0')))).toBe('RUNTIME_SANDBOX')
  expect(t.pidOf('1.0.0')).toBe(pid)
  await t.startWith({ sandbox: 'auto' })
  expect(await codeOf(t.order('upgrade', '1.1.0'))).toBe('nothing')
})

it('where daemon.yaml names a user and the runtime cannot change it, nothing that runs ends for what could not start', async () => {
  await t.startWith({})
  await bring('1.0.0')
  await bring('1.1.0')
  await t.order('rollback', '1.0.0')
  const pid = await waitFor('the old one', () => t.pidOf('1.0.0'))
  await t.startWith({ user: { uid: 1000, gid: 1000 } })
  for (const action of ['upgrade', 'rollback', 'start'] as const)
    expect(await codeOf(t.order(action, '1.1.0'))).toBe('RUNTIME_USER')
  expect(await codeOf(t.deploy(await t.jobOf('1.2.0')))).toBe('RUNTIME_USER')
  expect(t.pidOf('1.0.0')).toBe(pid)
  await t.startWith({})
  expect(await codeOf(t.order('upgrade', '1.1.0'))).toBe('nothing')
})

it('a running version that could not start again is not restarted, and start finds it running', async () => {
  await t.startWith(IN_A_ZONE)
  await bring('1.0.0', ZONE)
  const pid = t.pidOf('1.0.0')
  await t.startWith({})
  expect(await codeOf(t.order('restart'))).toBe('APP_REFERENCE')
  expect(await codeOf(t.order('start'))).toBe('nothing')
  expect(await codeOf(t.order('upgrade', '1.0.0'))).toBe('nothing')
  expect(t.pidOf('1.0.0')).toBe(pid)
})

it('a version that waits for its turn waits until the node can run it', async () => {
  await t.startWith(IN_A_ZONE)
  await bring('1.0.0', 'restart: { policy: always, delay: 0s }\n')
  await t.deploy(await t.jobOf('1.1.0', `${ZONE}update: { policy: graceful }\n`))
  await t.startWith({})
  const first = t.pidOf('1.0.0')
  await t.crash('1.0.0')
  await waitFor('the old one again', () => t.pidOf('1.0.0') > first)
  expect(t.record('1.1.0')).toMatchObject({ state: 'staged', active: false, condemned: '' })
  const problem = t.engine.preflight.problemOf(t.record('1.1.0'))
  expect(problem?.code).toBe('APP_REFERENCE')
  expect(noteOf(t.record('1.1.0'), { app: t.engine.table.app('web'), problem })).toMatch(
    /^cannot run here: \$\{node\.label\.zone\} in the manifest names nothing on this node/,
  )
  await t.startWith(IN_A_ZONE)
  await t.crash('1.0.0')
  await waitFor('the new one', () => t.pidOf('1.1.0') > 0)
})

it('a version that fails its trial does not go back to one that cannot run here', async () => {
  await t.startWith(IN_A_ZONE)
  await bring('1.0.0', ZONE)
  await bring('1.1.0', 'restart: { max_attempts: 1 }\n')
  await t.startWith({})
  await t.crash('1.1.0')
  await waitFor('the verdict', () => t.record('1.1.0').condemned !== '')
  expect(t.record('1.0.0')).toMatchObject({ goal: 'stopped', active: false })
  const last = t.store.events({}).find((event) => event.type === 'rollback')
  expect(last?.message).toContain('there is no version to go back to')
})

it('what kept a version from running is forgotten with it', async () => {
  await keepUnrunnable(ZONE, IN_A_ZONE)
  const record = t.record('1.1.0')
  expect(t.engine.preflight.problemOf(record)).toBeDefined()
  await t.order('remove', '1.1.0')
  expect(t.engine.preflight.problemOf(record)).toBeUndefined()
})
