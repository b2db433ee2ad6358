import { once } from 'node:events'
import { waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnderTest, codeOf } from './engine.test.support.js'

let t: EngineUnderTest

beforeEach(async () => {
  t = new EngineUnderTest()
  await t.start()
})

afterEach(async () => {
  await t.remove()
})

describe('health', () => {
  it('waits for health when the manifest asks for it', async () => {
    t.health.result = { healthy: false, detail: 'not yet' }
    const deploying = t.deploy(
      await t.jobOf('1.0.0', 'health_check: { type: fake, interval: 100ms }\n'),
    )
    await waitFor('a check', () => t.health.asked.length > 0)
    t.health.result = { healthy: true }
    expect((await deploying).at(-1)?.record?.state).toBe('healthy')
  })

  it('says that an app is unhealthy, with the reason', async () => {
    t.health.result = { healthy: false, detail: 'no database' }
    const job = await t.jobOf(
      '1.0.0',
      'health_check: { type: fake, interval: 100ms, retries: 1 }\nupdate: { deadline: 300ms }\n',
    )
    await expect(t.deploy(job)).rejects.toMatchObject({
      code: 'APP_UNHEALTHY',
      message: expect.stringMatching(/no database/) as string,
      hint: 'See "p2p-playground app describe web".',
    })
  })

  it('refuses a health check that could not be asked before it touches what runs', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const pid = t.pidOf('1.0.0')
    const job = await t.jobOf('1.1.0', 'health_check: { type: fake, answr: well }\n')
    await expect(t.deploy(job)).rejects.toMatchObject({
      code: 'RUNTIME_HEALTH_SPEC',
      message: expect.stringMatching(
        /health_check of type "fake": only "answer" is known/,
      ) as string,
    })
    expect(t.record('1.0.0')).toMatchObject({ active: true, state: 'running', handle: { pid } })
    expect(t.find('1.1.0')).toBeUndefined()
    expect(t.events().at(-1)).toBe('refused 1.1.0')
  })

  it('says that it took too long, and goes on', async () => {
    t.health.result = { healthy: false, detail: 'slow' }
    const job = await t.jobOf('1.0.0', 'health_check: { type: fake, interval: 10s }\n')
    expect(await codeOf(t.deploy(job, { wait: true, timeoutMs: 200 }))).toBe('APP_WAIT_TIMEOUT')
    await waitFor('the start', () => t.pidOf('1.0.0') > 0)
  })

  it('starts an unhealthy app again, and gives up as often as the policy says', async () => {
    t.health.result = { healthy: false, detail: 'stuck' }
    const job = await t.jobOf(
      '1.0.0',
      'health_check: { type: fake, interval: 100ms, retries: 2 }\nrestart: { delay: 1ms, max_attempts: 3 }\n',
    )
    expect(await codeOf(t.deploy(job))).toBe('APP_UNHEALTHY')
    expect(t.runtime.started).toHaveLength(3)
    expect(t.record('1.0.0').lastFailure).toMatch(/^unhealthy: stuck/)
    const [failure] = t.store.failures('web')
    expect(failure).toMatchObject({ starts: 3, health: { healthy: false, detail: 'stuck' } })
  })

  it('leaves an unhealthy app alone under policy never', async () => {
    t.health.result = { healthy: false, detail: 'stuck' }
    const job = await t.jobOf(
      '1.0.0',
      'health_check: { type: fake, interval: 100ms, retries: 1 }\nrestart: { policy: never }\nupdate: { auto_rollback: false, deadline: 300ms }\n',
    )
    expect(await codeOf(t.deploy(job))).toBe('APP_UNHEALTHY')
    expect(t.record('1.0.0')).toMatchObject({ state: 'unhealthy', goal: 'running' })
    expect(t.pidOf('1.0.0')).toBeGreaterThan(0)
  })
})

it('asks an instance no more how it is once it is being stopped', async () => {
  await t.deploy(
    await t.jobOf('1.0.0', 'health_check: { type: fake, interval: 100ms, retries: 1 }\n'),
  )
  const checks: AbortSignal[] = []
  t.health.check = async (_, signal) => {
    checks.push(signal)
    await once(signal, 'abort')
    return { healthy: false, detail: 'going away' }
  }
  await waitFor('a check', () => checks.length > 0)
  const stop = t.runtime.stop.bind(t.runtime)
  const atStop: unknown[] = []
  t.runtime.stop = async (handle) => {
    const { state, lastFailure } = t.record('1.0.0')
    atStop.push({ state, lastFailure, checks: checks.map(({ aborted }) => aborted) })
    return stop(handle)
  }
  await t.order('stop')
  expect(atStop).toEqual([{ state: 'stopping', lastFailure: '', checks: [true] }])
  expect(checks).toHaveLength(1)
  expect(t.record('1.0.0')).toMatchObject({ state: 'stopped', lastFailure: '' })
})
