import { once } from 'node:events'
import { newInstanceRecord } from '@p2p-playground/core'
import type { InstanceRecord, RunHandle } from '@p2p-playground/core'
import { InMemoryRuntime, waitFor } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnderTest, asker, codeOf, forever } from './engine.test.support.js'

let t: EngineUnderTest

beforeEach(async () => {
  t = new EngineUnderTest()
  await t.start()
})

afterEach(async () => {
  await t.remove()
})

describe('the engine', () => {
  it('fetches, verifies, starts, and says each phase', async () => {
    const views = await t.deploy(await t.jobOf('1.0.0'))
    expect([...new Set(views.map((view) => view.phase))]).toEqual([
      'offer',
      'verify',
      'start',
      'done',
    ])
    expect(t.record('1.0.0')).toMatchObject({ state: 'running', active: true, signedBy: 'lead' })
    expect(t.store.events({}).map((event) => event.type)).toEqual([
      'deployed',
      'updated',
      'started',
    ])
  })

  it('says with an event, at each start, which limits are not enforced', async () => {
    await t.deploy(await t.jobOf('1.0.0', 'resources: { memory_limit: 64Mi }\n'))
    expect(t.store.events({}).at(-1)).toMatchObject({
      type: 'limits',
      message: 'web@1.0.0: limits not enforced: nothing runs',
    })
  })

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
    expect(t.record('1.0.0').handle).not.toBeNull()
  })

  it.each([
    ['sent', undefined, /broken off/, /again goes on where it was/],
    ['copied on this machine', '/some.p2p', /^(?!.*broken off)/, /^It goes on/],
  ])('says how far one that is %s had come', async (_how, localPath, message, hint) => {
    const job = { ...(await t.jobOf('1.0.0')), localPath }
    const arrival = Promise.withResolvers<Error>()
    t.source = arrival.promise
    const failing = t.deploy(job, { wait: true, timeoutMs: 20, limitMs: 90_000 })
    await expect(failing).rejects.toMatchObject({
      code: 'APP_WAIT_TIMEOUT',
      message: expect.stringMatching(/had not arrived within 1m30s: 0 B of [^(]+$/) as string,
    })
    await expect(failing).rejects.toMatchObject({
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    })
    arrival.resolve(new Error('gone'))
  })

  it('says that an app ended at once', async () => {
    const deploying = codeOf(t.deploy(await t.jobOf('1.0.0', 'restart: { policy: never }\n')))
    const pid = await waitFor('the start', () => t.find('1.0.0')?.handle?.pid)
    t.runtime.end(pid, { kind: 'exited', code: 3 })
    expect(await deploying).toBe('APP_START')
    expect(t.record('1.0.0')).toMatchObject({ state: 'failed', reason: 'exit 3' })
  })

  it('starts again what fails, as often as the policy says', async () => {
    await t.deploy(
      await t.jobOf('1.0.0', 'restart: { policy: always, delay: 1ms, max_attempts: 3 }\n'),
    )
    for (let round = 1; round <= 3; round += 1) {
      const { handle } = await waitFor(
        'a run',
        () =>
          t.runtime.started.length === round &&
          t.record('1.0.0').handle !== null &&
          t.record('1.0.0'),
      )
      t.runtime.end(handle?.pid ?? 0, { kind: 'exited', code: 1 })
    }
    await waitFor('the end', () => t.record('1.0.0').state === 'failed')
    expect(t.runtime.started).toHaveLength(3)
    expect(t.record('1.0.0').reason).toMatch(/^exit 1; 3 starts within/)
  })

  it('replaces a version: the old one ends before the new one starts', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    expect(t.record('1.0.0')).toMatchObject({ active: false, goal: 'stopped', handle: null })
    expect(t.record('1.1.0')).toMatchObject({ active: true, state: 'running' })
    const types = t.store.events({}).map((event) => `${event.type} ${event.version ?? ''}`)
    expect(types.indexOf('stopped 1.0.0')).toBeLessThan(types.indexOf('started 1.1.0'))
  })

  it('refuses what is older, and takes it when that is meant', async () => {
    await t.deploy(await t.jobOf('1.1.0'))
    expect(await codeOf(t.deploy(await t.jobOf('1.0.0')))).toBe('APP_DOWNGRADE')
    await t.deploy(await t.jobOf('1.0.0', '', true))
    expect(t.record('1.0.0').active).toBe(true)
  })

  it('keeps the floor after a removal', async () => {
    await t.deploy(await t.jobOf('1.1.0'))
    await t.order('remove')
    expect(t.engine.table.list()).toEqual([])
    expect(await codeOf(t.deploy(await t.jobOf('1.0.0')))).toBe('APP_DOWNGRADE')
  })

  it('refuses a package that is not the one that was offered', async () => {
    const job = await t.jobOf('1.0.0')
    await t.jobOf('2.0.0')
    expect(await codeOf(t.deploy(job))).toBe('TRANSFER_OFFER')
    expect(t.engine.table.list()).toEqual([])
    expect(t.store.events({}).at(-1)).toMatchObject({
      type: 'refused',
      code: 'TRANSFER_OFFER',
      by: 'controller',
    })
  })

  it.each([
    ['a path', { app: '../../etc' }],
    ['a name without end', { app: 'x'.repeat(64) }],
    ['no version', { version: '1.0' }],
    ['a version without end', { version: `1.0.0-${'x'.repeat(300)}` }],
  ])('refuses an offer of %s, before it writes anything down', async (_what, patch) => {
    const job = await t.jobOf('1.0.0')
    const offered = { ...job, id: { ...job.id, ...patch } }
    t.source = new Error('it was asked for')
    expect(await codeOf(t.deploy(offered))).toBe('TRANSFER_OFFER')
    expect(t.engine.table.list()).toEqual([])
  })

  it('refuses another content of a version that is on its way', async () => {
    const job = await t.jobOf('1.0.0')
    const arrival = Promise.withResolvers<Error>()
    const other = await t.jobOf('1.0.0', 'description: other\n')
    t.source = arrival.promise
    const deploying = codeOf(t.deploy(job))
    await waitFor('the offer', () => t.find('1.0.0'))
    const code = await codeOf(t.deploy(other, { wait: true, timeoutMs: 1000 }))
    expect(code).toBe('APP_VERSION_EXISTS')
    expect(t.store.events({}).at(-1)).toMatchObject({ type: 'refused', app: 'web', code })
    expect(t.record('1.0.0').digest).toBe(job.id.digest)
    arrival.resolve(new Error('gone'))
    await deploying
  })

  it('starts what failed after its process was there, when somebody asks for it', async () => {
    const start = t.runtime.start.bind(t.runtime)
    let placed: RunHandle | undefined
    t.runtime.start = async (...call) => {
      placed = await start(...call)
      throw new Error('it did not hear the word')
    }
    expect(await codeOf(t.deploy(await t.jobOf('1.0.0')))).toBe('APP_START')
    expect(t.record('1.0.0')).toMatchObject({ state: 'failed', handle: null })
    expect(placed !== undefined && (await t.runtime.adopt(placed))).toBe(false)
    t.runtime.start = start
    expect((await t.order('start'))[0]).toMatchObject({ state: 'running' })
  })

  it('gives up when the source is gone, and leaves nothing behind', async () => {
    const job = await t.jobOf('1.0.0')
    t.source = new Error('connection lost')
    await expect(t.deploy(job)).rejects.toThrow('connection lost')
    expect(t.engine.table.list()).toEqual([])
  })

  it('stops, starts and restarts by command', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const change = async (
      action: 'start' | 'stop' | 'restart',
    ): Promise<InstanceRecord | undefined> => (await t.order(action))[0]
    expect(await change('stop')).toMatchObject({ state: 'stopped', handle: null, reason: '' })
    expect(await change('stop')).toMatchObject({ state: 'stopped' })
    const started = await change('start')
    expect(started).toMatchObject({ state: 'running' })
    expect(await change('start')).toMatchObject({ handle: started?.handle ?? {} })
    expect((await change('restart'))?.handle?.pid).not.toBe(started?.handle?.pid)
  })

  it.each(['start', 'remove'] as const)('says that there is no app to %s', async (action) => {
    const changing = t.parts.commands.change(
      { action, app: 'none', version: undefined },
      asker,
      forever,
    )
    expect(await codeOf(changing)).toBe('APP_NOT_FOUND')
  })

  it('takes running apps over when the daemon starts again', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const pid = t.record('1.0.0').handle?.pid
    await t.stop()
    t.runtime = new InMemoryRuntime(t.runtime)
    await t.start()
    expect(t.record('1.0.0').handle?.pid).toBe(pid)
    expect(t.runtime.started).toEqual([])
  })

  it('ends a hook and what it kept of an interrupted start, and does not count that', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.stop()
    const store = t.openStore()
    const [interrupted] = store.instances()
    if (interrupted === undefined) throw new Error('no record')
    const startsMs = [...interrupted.startsMs, 5]
    store.commit({ save: [{ ...interrupted, state: 'starting', handle: null, startsMs }] })
    store.close()
    await t.start()
    await waitFor('the start', () => t.record('1.0.0').handle !== null)
    expect(t.record('1.0.0').startsMs).toHaveLength(2)
  })

  it('knows how an app ended while no daemon ran', async () => {
    await t.deploy(await t.jobOf('1.0.0', 'restart: { policy: never }\n'))
    const pid = t.record('1.0.0').handle?.pid ?? 0
    await t.stop()
    t.runtime.end(pid, { kind: 'exited', code: 4 })
    await t.start()
    await waitFor('the end', () => t.record('1.0.0').state === 'failed')
    expect(t.record('1.0.0').reason).toBe('exit 4')
  })
})

describe('health', () => {
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

describe('removing the active version', () => {
  const told = (): unknown => t.store.events({}).at(-1)?.message

  it('gives and tells what is active now, and does not start it', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    expect(await t.order('remove', '1.1.0')).toMatchObject([
      { version: '1.0.0', active: true, state: 'stopped' },
    ])
    expect(told()).toBe('web@1.1.0 removed; web@1.0.0 is active now, and was not started')
  })

  it('says nothing of a start where the next one runs', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    await t.order('start', '1.0.0')
    expect(await t.order('remove', '1.1.0')).toMatchObject([{ version: '1.0.0', state: 'running' }])
    expect(told()).toBe('web@1.1.0 removed; web@1.0.0 is active now')
  })

  it('gives nothing where nothing is left, or another one went', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    expect(await t.order('remove', '1.0.0')).toEqual([])
    expect(told()).toBe('web@1.0.0 removed')
    expect(await t.order('remove', '1.1.0')).toEqual([])
    expect(told()).toBe('web@1.1.0 removed')
  })
})

describe('what happens while the files of a version are deleted', () => {
  it('to the version that takes its place is kept', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    t.failpoint = (step) => {
      if (step === 'remove-files-gone')
        t.engine.table.update({ app: 'web', version: '1.0.0' }, { lastFailure: 'exit 7' })
    }
    await t.order('remove', '1.1.0')
    expect(t.record('1.0.0')).toMatchObject({ active: true, lastFailure: 'exit 7' })
  })

  it('leaves nothing of it in memory', async () => {
    const { launcher } = t.engine
    await t.deploy(await t.jobOf('1.0.0'))
    await t.deploy(await t.jobOf('1.1.0'))
    const [kept, gone] = [t.record('1.0.0'), t.record('1.1.0')]
    const [keptManifest, goneManifest] = [launcher.manifestOf(kept), launcher.manifestOf(gone)]
    await t.order('remove', '1.1.0')
    expect(launcher.manifestOf(kept)).toBe(keptManifest)
    expect(launcher.manifestOf(gone)).not.toBe(goneManifest)
  })

  it('counts: an app to which a deploy began is not forgotten', async () => {
    await t.deploy(await t.jobOf('1.0.0'))
    const key = { app: 'web', version: '2.0.0' }
    const apps: boolean[] = []
    t.failpoint = (step) => {
      if (step === 'remove-files-gone')
        t.engine.table.commit({ save: [newInstanceRecord(key, 'another')] })
      if (step === 'remove-committed') apps.push(t.engine.table.apps.has('web'))
    }
    await t.order('remove', '1.0.0')
    expect(apps).toEqual([true])
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
