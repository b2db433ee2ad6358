import { FakeHealthChecker, waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnderTest, codeOf } from './engine.test.support.js'
import { statusOf } from './status.js'

let t: EngineUnderTest

beforeEach(() => {
  t = new EngineUnderTest()
})

afterEach(async () => {
  await t.remove()
})

/** As others see it. */
function status(): ReturnType<typeof statusOf> {
  const record = t.record('1.0.0')
  return statusOf(record, {
    app: t.engine.table.app('web'),
    problem: t.engine.preflight.problemOf(record),
    hasHealthCheck: t.engine.launcher.hasHealthCheck(record),
    isLost: t.engine.isLost(record),
    limits: '',
  })
}

const lastEvent = (): unknown => t.store.events({}).at(-1)
const isHealthy = (): boolean => t.record('1.0.0').state === 'healthy'
const CHECKED = 'health_check: { type: gone, interval: 100ms, retries: 1 }\n'

async function bring(extra = ''): Promise<number> {
  await t.deploy(await t.jobOf('1.0.0', extra), { wait: false, timeoutMs: 5000 })
  return waitFor('its run', () => t.pidOf('1.0.0'))
}

describe('a running app whose health check is gone', () => {
  const why = 'this node has no health check "gone"'

  beforeEach(async () => {
    await t.startWith({ healthCheckers: { gone: new FakeHealthChecker() } })
  })

  async function lose(extra = CHECKED): Promise<number> {
    const pid = await bring(extra)
    await waitFor('its health', isHealthy)
    await t.startWith({})
    await waitFor('a word about it', () => t.record('1.0.0').healthy === null)
    return pid
  }

  it('runs on, and says that nobody can tell how it is', async () => {
    const pid = await lose()
    const reason = `its health is unknown: ${why}`
    expect(status()).toMatchObject({ state: 'running', ready: false, healthy: null, pid, reason })
    expect(lastEvent()).toMatchObject({
      type: 'health',
      message: `web@1.0.0 runs on, and its health is unknown: ${why}`,
      code: 'RUNTIME_HEALTH_TYPE',
    })
    await t.engine.settled([t.record('1.0.0')], AbortSignal.timeout(5000))
    expect(t.pidOf('1.0.0')).toBe(pid)
  })

  it('is healthy again once it is back', async () => {
    const pid = await lose()
    await t.startWith({ healthCheckers: { gone: new FakeHealthChecker() } })
    await waitFor('its health', isHealthy)
    expect(status()).toMatchObject({ state: 'healthy', ready: true, pid, reason: '' })
  })

  it('starts again when it ends, as before', async () => {
    const pid = await lose(`restart: { policy: always, delay: 0s }\n${CHECKED}`)
    await t.crash('1.0.0')
    await waitFor('the next run', () => t.pidOf('1.0.0') > pid)
    await waitFor('a word about it', () => t.record('1.0.0').reason.includes(why))
    expect(t.record('1.0.0')).toMatchObject({ state: 'running', healthy: null })
  })
})

describe('a running app whose runtime is gone', () => {
  const why = 'this node has no runtime "fake"'

  /** Its name is all that is changed. */
  async function lose(extra = ''): Promise<number> {
    await t.startWith({})
    const pid = await bring(extra)
    t.runtimeName = 'other'
    await t.startWith({})
    return pid
  }

  it.each([
    ['without a health check', ''],
    ['with one', 'health_check: { type: fake, interval: 100ms }\n'],
  ])('%s is not lost: it is unknown how it does, until it is back', async (_, extra) => {
    const pid = await lose(extra)
    const reason = `nobody watches it: ${why}`
    expect(status()).toMatchObject({ state: 'unknown', ready: false, healthy: null, pid, reason })
    expect(lastEvent()).toMatchObject({
      type: 'health',
      message: `web@1.0.0 runs on, and nobody watches it: ${why}`,
      code: 'RUNTIME_NOT_FOUND',
    })
    t.runtimeName = 'fake'
    await t.startWith({})
    await waitFor('its state', () => status().ready)
    expect(status()).toMatchObject({ pid, reason: '' })
    await t.crash('1.0.0')
    expect(t.record('1.0.0').lastFailure).toBe('exit 1')
  })

  it('is left alone when a restart is asked for, which is refused', async () => {
    const pid = await lose()
    expect(await codeOf(t.order('restart'))).toBe('RUNTIME_NOT_FOUND')
    expect(t.pidOf('1.0.0')).toBe(pid)
  })
})
