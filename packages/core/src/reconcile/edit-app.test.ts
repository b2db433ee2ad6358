import { describe, expect, it } from 'vitest'
import type { InstanceRecord } from '../model/instance-record.js'
import { activate, applyEdit, rollBack, unneeded, unwanted, wantedAnew } from './edit-app.js'
import { FAILED, HANDLE, app, record } from './plan.test.support.js'

const NEXT = record({ version: '2.0.0', active: false, goal: 'stopped', generation: 0 })

function replaced(old: Partial<InstanceRecord>): InstanceRecord | undefined {
  const instances = [record(old), NEXT]
  const options = { start: true, trial: true, nowMs: 0 }
  const { save } = activate({ app: app(), instances }, '2.0.0', options)
  return save.find(({ version }) => version === '1.0.0')
}

describe('a version that is replaced', () => {
  it.each(['staged', 'starting', 'backoff', 'stopping', 'stopped'] as const)(
    'has stopped when nothing of it runs, though it was %s',
    (state) => {
      expect(replaced({ state, ended: FAILED, reason: 'exit 1' })).toMatchObject({
        active: false,
        goal: 'stopped',
        state: 'stopped',
        reason: '',
      })
    },
  )

  it('stays failed', () => {
    expect(replaced({ state: 'failed', reason: 'exit 1' })).toMatchObject({
      state: 'failed',
      reason: 'exit 1',
    })
  })

  it('is still seen to run until it has ended', () => {
    expect(replaced({ state: 'running', handle: HANDLE })).toMatchObject({
      goal: 'stopped',
      state: 'running',
    })
  })

  it('goes on being removed', () => {
    expect(replaced({ goal: 'removed', state: 'stopped' })?.goal).toBe('removed')
  })
})

describe('a version that is pruned', () => {
  const pruned = (old: Partial<InstanceRecord>): InstanceRecord | undefined => {
    const edit = { kind: 'prune', key: { app: 'web', version: '1.0.0' } } as const
    return applyEdit({ app: app(), instances: [record(old)] }, edit, 0).save[0]
  }

  it.each(['stopped', 'failed'] as const)('is on its way when it has %s', (state) => {
    expect(pruned({ state, reason: 'exit 1' })).toMatchObject({
      goal: 'removed',
      state: 'removing',
      reason: '',
    })
  })

  it('is still seen to run until it has ended', () => {
    expect(pruned({ state: 'running', handle: HANDLE })).toMatchObject({
      goal: 'removed',
      state: 'running',
    })
  })
})

describe('a version whose removal shall overwrite it', () => {
  it('keeps that wish until something else is wanted of it', () => {
    const removed = unneeded(record({ handle: HANDLE }), { erase: true })
    expect(removed).toMatchObject({ goal: 'removed', erase: true })
    expect(unneeded(removed).erase).toBe(true)
    expect(wantedAnew(removed).erase).toBe(false)
    expect(unwanted(removed).erase).toBe(false)
  })

  it('is not what a plain removal wishes', () => {
    expect(unneeded(record({})).erase).toBe(false)
  })
})

describe('a version that takes over', () => {
  it('waits to be started, whatever was seen of it before', () => {
    const before = { ...NEXT, state: 'failed', reason: 'exit 1', condemned: 'exit 1' } as const
    const options = { start: true, trial: true, nowMs: 0 }
    const { save } = activate({ app: app(), instances: [before] }, '2.0.0', options)
    expect(save[0]).toMatchObject({ state: 'staged', reason: '', condemned: '', generation: 1 })
  })

  it('comes back from a rollback in the same way', () => {
    const failed = record({ version: '2.0.0', state: 'failed', reason: 'exit 1' })
    const old = record({ active: false, goal: 'stopped', state: 'stopped' })
    const state = { app: app(), instances: [old, failed] }
    const { app: after, save } = rollBack(state, failed, { to: '1.0.0', reason: 'exit 1' })
    expect(save).toMatchObject([
      { version: '2.0.0', state: 'failed', active: false, condemned: 'exit 1' },
      { version: '1.0.0', state: 'staged', active: true, goal: 'running' },
    ])
    expect(after.badDigests).toEqual([failed.digest])
  })
})
