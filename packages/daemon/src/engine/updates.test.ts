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

/** As `deploy` waits. */
const PATIENT = { waiting: { wait: true, timeoutMs: 5000 } }

/** Stable within a moment. */
const QUICK = 'healthy_after: 10ms, watch: 10ms'

describe('a new version', () => {
  it('becomes stable when it is well for long enough', async () => {
    await t.deploy(await t.jobOf('1.0.0', `update: { ${QUICK} }\n`))
    await waitFor('the verdict', () => t.engine.table.app('web').stable === '1.0.0')
    expect(t.events().slice(-2)).toEqual(['health 1.0.0', 'updated 1.0.0'])
  })

  it('that fails is rolled back, once, and not taken again', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const bad = await t.jobOf('1.1.0', 'restart: { max_attempts: 1 }\n')
    const deploying = codeOf(t.deploy(bad))
    await t.crash('1.1.0')
    expect(await deploying).toBe('APP_ROLLED_BACK')
    await waitFor('the old one', () => t.pidOf('1.0.0') > 0)
    expect(t.record('1.1.0')).toMatchObject({
      state: 'failed',
      active: false,
      goal: 'stopped',
      condemned: expect.stringMatching(/^exit 1; 1 starts/) as string,
    })
    expect(t.record('1.0.0')).toMatchObject({ active: true, state: 'running' })
    expect(t.events()).toContain('rollback 1.1.0')
    expect(await codeOf(t.deploy(bad))).toBe('APP_CONDEMNED')
    expect(t.runtime.started).toHaveLength(3)
  })

  it('that failed is tried again when somebody says so', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const deploying = codeOf(t.deploy(await t.jobOf('1.1.0', 'restart: { policy: never }\n')))
    await t.crash('1.1.0')
    await deploying
    await t.order('upgrade', '1.1.0')
    expect(t.record('1.1.0')).toMatchObject({ active: true, state: 'running', condemned: '' })
    expect(t.engine.table.app('web').badDigests).toEqual([])
  })

  it('that fails at once on upgrade is rolled back, and the command says so', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const rules = 'update: { policy: manual }\nrestart: { policy: never }\n'
    await t.deploy(await t.jobOf('1.1.0', rules))
    const upgrading = codeOf(t.order('upgrade', undefined, PATIENT))
    await t.crash('1.1.0')
    expect(await upgrading).toBe('APP_ROLLED_BACK')
    await waitFor('the old one', () => t.pidOf('1.0.0') > 0)
  })

  it('that fails at once on upgrade with nothing to go back to did not start', async () => {
    const deploying = codeOf(t.deploy(await t.jobOf('1.0.0', 'restart: { policy: never }\n')))
    await t.crash('1.0.0')
    await deploying
    const upgrading = codeOf(t.order('upgrade', '1.0.0', PATIENT))
    await t.crash('1.0.0')
    expect(await upgrading).toBe('APP_START')
  })

  it('that fails with nothing to go back to is stopped, and says so', async () => {
    const deploying = codeOf(t.deploy(await t.jobOf('1.0.0', 'restart: { policy: never }\n')))
    await t.crash('1.0.0', 9)
    expect(await deploying).toBe('APP_START')
    const last = t.store.events({}).find((event) => event.type === 'rollback')
    expect(last?.message).toContain('there is no version to go back to: exit 9')
  })

  it('that is never well is rolled back at its deadline', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    t.health.result = { healthy: false, detail: 'no database' }
    const sick =
      'health_check: { type: fake, interval: 100ms, retries: 1 }\nrestart: { delay: 1ms, max_attempts: 50 }\nupdate: { deadline: 500ms }\n'
    expect(await codeOf(t.deploy(await t.jobOf('1.1.0', sick)))).toBe('APP_ROLLED_BACK')
    expect(t.record('1.1.0').condemned).toMatch(/not well for 10s within 500ms: .*no database/)
  })

  it('stays where it is when auto_rollback is off', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const stubborn = 'restart: { policy: never }\nupdate: { auto_rollback: false }\n'
    const deploying = codeOf(t.deploy(await t.jobOf('1.1.0', stubborn)))
    await t.crash('1.1.0')
    expect(await deploying).toBe('APP_START')
    expect(t.record('1.1.0')).toMatchObject({ active: true, state: 'failed' })
  })

  it('waits under a graceful policy, and never touches the one that runs', async () => {
    await t.deploy(await t.jobOf('1.0.0', 'restart: { policy: always }\n'))
    const pid = t.pidOf('1.0.0')
    const views = await t.deploy(await t.jobOf('1.1.0', 'update: { policy: graceful }\n'))
    expect(views.at(-1)).toMatchObject({ phase: 'done', record: { state: 'staged' } })
    expect(t.pidOf('1.0.0')).toBe(pid)
    t.runtime.end(pid, { kind: 'exited', code: 0 })
    await waitFor('the new one', () => t.pidOf('1.1.0') > 0)
    expect(t.record('1.0.0')).toMatchObject({ active: false, handle: null })
    expect(t.runtime.started.map((spec) => spec.instance)).toEqual(['web@1.0.0', 'web@1.1.0'])
  })

  it('under a graceful policy takes over after max_wait', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0', 'update: { policy: graceful, max_wait: 50ms }\n'))
    await waitFor('the new one', () => t.pidOf('1.1.0') > 0)
    expect(t.record('1.0.0').handle).toBeNull()
  })

  it('waits for a command under a manual policy', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0', 'update: { policy: manual }\n'))
    expect(t.record('1.1.0')).toMatchObject({ state: 'staged', active: false })
    const [after] = await t.order('upgrade')
    expect(after).toMatchObject({ version: '1.1.0', active: true, state: 'running' })
  })

  it('takes the place of one that was stopped, and stays stopped under a graceful policy', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.order('stop')
    await t.deploy(await t.jobOf('1.1.0', 'update: { policy: graceful }\n'))
    await waitFor('the change', () => t.record('1.1.0').active)
    expect(t.record('1.1.0')).toMatchObject({ goal: 'stopped', handle: null })
  })
})

describe('versions', () => {
  it('go back by command, without trial, also to one that is named by a tag', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    await t.order('tag', '1.0.0', { tag: 'known-good' })
    expect((await t.order('rollback', 'known-good'))[0]).toMatchObject({
      version: '1.0.0',
      active: true,
      state: 'running',
    })
    expect(t.engine.table.app('web').trial).toBeNull()
    expect(t.record('1.1.0')).toMatchObject({ active: false, handle: null, condemned: '' })
  })

  it('go back to the one before when nothing is said', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    expect((await t.order('rollback'))[0]?.version).toBe('1.0.0')
    expect(await codeOf(t.order('rollback'))).toBe('APP_NOT_FOUND')
  })

  it('run beside each other, with ports of their own', async () => {
    const ports = 'ports: { web: 0 }\n'
    await t.deploy(await t.jobOf('1.0.0', ports))
    await t.deploy(await t.jobOf('1.1.0', ports))
    await t.order('start', '1.0.0')
    const [old, next] = [t.record('1.0.0'), t.record('1.1.0')]
    expect([old.state, next.state]).toEqual(['running', 'running'])
    expect(old.ports['web']).not.toBe(next.ports['web'])
    expect([old.active, next.active]).toEqual([false, true])
  })

  it('refuse a port that another one of them uses', async () => {
    const ports = 'ports: { web: 4242 }\n'
    await t.deploy(await t.jobOf('1.0.0', ports))
    await t.deploy(await t.jobOf('1.1.0', ports))
    expect(await codeOf(t.order('start', '1.0.0'))).toBe('APP_START')
    expect(t.record('1.0.0').reason).toContain('is used by web@1.1.0')
  })

  it('go when there are too many, but not those that something needs', async () => {
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await t.deploy(await t.jobOf(version))
    await t.order('tag', '1.0.0', { tag: 'stable' })
    await t.deploy(await t.jobOf('1.3.0', `update: { ${QUICK} }\n`))
    await waitFor('the removal', () => t.find('1.1.0') === undefined)
    const kept = t.engine.table.list().map(({ version }) => version)
    expect(kept.sort()).toEqual(['1.0.0', '1.2.0', '1.3.0'])
    expect(t.events()).toContain('pruned 1.1.0')
  })

  it.each([
    ['latest', 'USAGE'],
    ['Bad Tag', 'USAGE'],
  ])('cannot have the tag "%s"', async (tag, code) => {
    await t.deploy(await t.jobOf('1.0.0'))
    expect(await codeOf(t.order('tag', '1.0.0', { tag }))).toBe(code)
  })

  it('lose a tag by command, and say so when they have none', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.order('tag', undefined, { tag: 'stable' })
    expect(t.engine.table.app('web').tags).toEqual({ stable: '1.0.0' })
    await t.order('untag', undefined, { tag: 'stable' })
    expect(t.engine.table.app('web').tags).toEqual({})
    expect(await codeOf(t.order('untag', undefined, { tag: 'stable' }))).toBe('APP_NOT_FOUND')
  })

  it.each([
    [[], 'demo', 'It was given none.'],
    [['demo', 'next'], 'dmeo', 'Did you mean "demo"? It was given: demo, next.'],
    [['demo'], 'xyzzy', 'It was given: demo.'],
  ])('that were given %j say so when %s is taken away', async (given, tag, hint) => {
    await t.deploy(await t.jobOf('1.0.0'))
    for (const one of given) await t.order('tag', undefined, { tag: one })
    const untagging = t.order('untag', undefined, { tag })
    await expect(untagging).rejects.toMatchObject({ code: 'APP_NOT_FOUND', hint })
  })
})

const CHECKED = 'health_check: { type: fake, interval: 100ms, retries: 1, start_period: 1h }\n'

describe('a command that waits', () => {
  it.each(['start', 'restart'] as const)('%s ends when the app is healthy', async (action) => {
    await t.deploy(await t.jobOf('1.0.0', CHECKED))
    if (action === 'start') await t.order('stop')
    t.health.result = { healthy: false, detail: 'warming up' }
    const asked = t.health.asked.length
    const waiting = t.order(action, undefined, PATIENT)
    await waitFor('a check', () => t.health.asked.length > asked)
    t.health.result = { healthy: true }
    expect(await waiting).toMatchObject([{ state: 'healthy', healthy: true }])
  })

  it('upgrade ends with the verdict, however long the trial lasts', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const rules = 'update: { policy: manual, deadline: 1500ms }\nrestart: { delay: 1h }\n'
    await t.deploy(await t.jobOf('1.1.0', rules))
    const upgrading = codeOf(t.order('upgrade', undefined, PATIENT))
    await t.crash('1.1.0')
    expect(t.record('1.1.0').state).toBe('backoff')
    expect(await upgrading).toBe('APP_ROLLED_BACK')
    expect(t.record('1.1.0').condemned).toMatch(/within 1.5s: exit 1/)
  })

  it('rollback to a version that fails says so', async () => {
    await t.deploy(await t.jobOf('1.0.0', `${CHECKED}restart: { policy: never }\n`))
    await t.deploy(await t.jobOf('1.1.0'))
    t.health.result = 'silent'
    const going = codeOf(t.order('rollback', '1.0.0', PATIENT))
    await t.crash('1.0.0')
    expect(await going).toBe('APP_START')
  })

  it('for one that runs beside the version that it is to replace says when it fails', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const rules = 'update: { policy: manual }\nrestart: { max_attempts: 1 }\n'
    await t.deploy(await t.jobOf('1.1.0', rules))
    const starting = codeOf(t.order('start', '1.1.0', PATIENT))
    await t.crash('1.1.0')
    expect(await starting).toBe('APP_START')
    expect(t.record('1.0.0')).toMatchObject({ active: true, state: 'running' })
  })

  it('says how it stands when the time is over, and the app goes on', async () => {
    await t.deploy(await t.jobOf('1.0.0', CHECKED))
    const pid = t.pidOf('1.0.0')
    t.health.result = 'silent'
    const waiting = { wait: true, timeoutMs: 50, limitMs: 60_000 }
    await expect(t.order('restart', undefined, { waiting })).rejects.toMatchObject({
      code: 'APP_WAIT_TIMEOUT',
      message: expect.stringMatching(/^web@1\.0\.0 was not ready within 1m: [a-z]+$/) as string,
    })
    await waitFor('the new run', () => t.pidOf('1.0.0') > pid)
  })

  it('says that the version was removed meanwhile', async () => {
    await t.deploy(await t.jobOf('1.0.0', CHECKED))
    const pid = t.pidOf('1.0.0')
    t.health.result = 'silent'
    const restarting = codeOf(t.order('restart', undefined, PATIENT))
    await waitFor('the new run', () => t.pidOf('1.0.0') > pid)
    await t.order('remove')
    expect(await restarting).toBe('APP_NOT_FOUND')
  })

  it('without wait ends once it is started', async () => {
    await t.deploy(await t.jobOf('1.0.0', CHECKED))
    await t.order('stop')
    t.health.result = 'silent'
    const waiting = { wait: false, timeoutMs: 5000 }
    expect(await t.order('start', undefined, { waiting })).toMatchObject([{ state: 'running' }])
  })
})
