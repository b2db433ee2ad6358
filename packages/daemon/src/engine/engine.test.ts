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
