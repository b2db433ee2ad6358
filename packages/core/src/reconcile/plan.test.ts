import { describe, expect, it } from 'vitest'
import type { InstanceRecord } from '../model/instance-record.js'
import { FAILED, FINISHED, HANDLE, planned, record, shown } from './plan.test.support.js'
import type { Wishes } from './plan.test.support.js'

const running = { handle: HANDLE, runGeneration: 1, state: 'running' } as const
const sick = { ...running, state: 'unhealthy', healthy: false } as const
const crashed = { runGeneration: 1, startsMs: [9000], ended: FAILED, state: 'backoff' } as const
const oom = { ...FAILED, exit: { kind: 'signaled', signal: 'SIGKILL' } } as const
const endedSick = { ...FINISHED, unhealthy: true }

interface Row {
  readonly is: Partial<InstanceRecord>
  readonly then: string | undefined
  readonly atMs?: number
  readonly wishes?: Wishes
}

const ROWS: Readonly<Record<string, Row>> = {
  'a wanted package that is not here is fetched': { is: { presence: 'absent' }, then: 'fetch' },
  'a package wanted only to be there is fetched': {
    is: { presence: 'absent', goal: 'stopped' },
    then: 'fetch',
  },
  'a package that arrived is started': { is: {}, then: 'start' },
  'a running one is left alone': { is: running, then: undefined },
  'a starting one is left alone': { is: { ...running, state: 'starting' }, then: undefined },
  'a healthy one is left alone': {
    is: { ...running, state: 'healthy', healthy: true },
    then: undefined,
  },
  'an unhealthy one is ended to be started again': { is: sick, then: 'stop unhealthy' },
  'an unhealthy one is ended under policy always too': {
    is: sick,
    then: 'stop unhealthy',
    wishes: { restart: { policy: 'always' } },
  },
  'an unhealthy one is left alone under policy never': {
    is: sick,
    then: undefined,
    wishes: { restart: { policy: 'never' } },
  },
  'an unhealthy one that is not wanted is simply stopped': {
    is: { ...sick, goal: 'stopped' },
    then: 'stop',
  },
  'an unhealthy one of an older generation is simply stopped': {
    is: { ...sick, generation: 2 },
    then: 'stop',
  },
  'one that was ended as unhealthy has failed, whatever its exit code': {
    is: { ...crashed, ended: endedSick },
    then: 'wait 11000',
  },
  'one that was ended as unhealthy starts again after its delay': {
    is: { ...crashed, ended: endedSick },
    then: 'start',
    atMs: 11_000,
  },
  'one that is unhealthy too often fails': {
    is: { ...crashed, ended: endedSick, startsMs: [7000, 8000, 9000] },
    then: 'fail',
    atMs: 20_000,
  },
  'a running one that is not wanted is stopped': {
    is: { ...running, goal: 'stopped' },
    then: 'stop',
  },
  'a stopped one that is not wanted is left alone': {
    is: { goal: 'stopped', state: 'stopped' },
    then: undefined,
  },
  'a crashed one that is not wanted is left alone': {
    is: { ...crashed, goal: 'stopped' },
    then: undefined,
  },
  'a running one of an older generation is stopped first': {
    is: { ...running, generation: 2 },
    then: 'stop',
  },
  'a stopped one of an older generation is started': {
    is: { runGeneration: 1, generation: 2, ended: FINISHED },
    then: 'start',
  },
  'a failed one starts again by command': {
    is: { ...crashed, state: 'failed', generation: 2 },
    then: 'start',
  },
  'a failed one stays failed by itself': { is: { ...crashed, state: 'failed' }, then: undefined },
  'a finished one is done': {
    is: { runGeneration: 1, ended: FINISHED, startsMs: [1], state: 'stopped' },
    then: undefined,
  },
  'a crashed one waits for its delay': { is: crashed, then: 'wait 11000', atMs: 10_500 },
  'a crashed one starts after its delay': { is: crashed, then: 'start', atMs: 11_000 },
  'without delay it starts at once': {
    is: crashed,
    then: 'start',
    wishes: { restart: { delayMs: 0 } },
  },
  'the second restart waits twice as long': {
    is: { ...crashed, startsMs: [8000, 9000] },
    then: 'wait 12000',
    atMs: 11_500,
  },
  'the second restart comes after twice the delay': {
    is: { ...crashed, startsMs: [8000, 9000] },
    then: 'start',
    atMs: 12_000,
  },
  'the delay is capped': {
    is: { ...crashed, startsMs: [5000, 6000, 7000, 8000, 9000] },
    then: 'wait 15000',
    wishes: { restart: { maxAttempts: 9, backoffMaxMs: 5000 } },
  },
  'no starts left: it fails': {
    is: { ...crashed, startsMs: [7000, 8000, 9000] },
    then: 'fail',
    atMs: 20_000,
  },
  'one start allowed: the first end fails it': {
    is: crashed,
    then: 'fail',
    wishes: { restart: { maxAttempts: 1 } },
  },
  'starts before the window do not count': {
    is: { ...crashed, startsMs: [-700_000, -650_000, 9000] },
    then: 'start',
    atMs: 11_000,
  },
  'a run as long as the window begins the delays anew': {
    is: { ...crashed, startsMs: [-590_500, -590_000], ended: { ...FAILED, atMs: 10_000 } },
    then: 'wait 11000',
  },
  'a killed one has failed': { is: { ...crashed, ended: oom }, then: 'wait 11000' },
  'one whose end nobody knows has failed': {
    is: { ...crashed, ended: { ...FAILED, exit: { kind: 'unknown', why: 'gone' } } },
    then: 'wait 11000',
  },
  'under policy never a failure is the end': {
    is: crashed,
    then: undefined,
    wishes: { restart: { policy: 'never' } },
  },
  'under policy never a success is the end': {
    is: { ...crashed, ended: FINISHED },
    then: undefined,
    wishes: { restart: { policy: 'never' } },
  },
  'under policy always a success starts again': {
    is: { ...crashed, ended: FINISHED },
    then: 'start',
    atMs: 11_000,
    wishes: { restart: { policy: 'always' } },
  },
  'under policy on-failure a success is the end': {
    is: { ...crashed, ended: FINISHED },
    then: undefined,
  },
  'the hook after a run comes before its restart': {
    is: { ...crashed, postStopDue: true },
    then: 'post-stop',
    atMs: 20_000,
  },
  'the hook after a run comes when nothing else is wanted': {
    is: { goal: 'stopped', state: 'stopped', postStopDue: true },
    then: 'post-stop',
  },
  'the hook after a run comes before its removal': {
    is: { goal: 'removed', state: 'stopped', postStopDue: true },
    then: 'post-stop',
  },
  'the hook after a run waits for its end': {
    is: { ...running, goal: 'stopped', postStopDue: true },
    then: 'stop',
  },
  'removal stops what runs': { is: { ...running, goal: 'removed' }, then: 'stop' },
  'removal of a stopped one removes it': {
    is: { goal: 'removed', state: 'stopped' },
    then: 'remove',
  },
  'removal of a failed one removes it': {
    is: { goal: 'removed', state: 'failed' },
    then: 'remove',
  },
  'removal of one still on its way removes it': {
    is: { goal: 'removed', presence: 'absent' },
    then: 'remove',
  },
  'a busy one is left alone': { is: {}, then: undefined, wishes: { busy: true } },
}

describe('plan of an instance', () => {
  it.each(Object.entries(ROWS))('%s', (_name, { is, then, atMs, wishes = {} }) => {
    const actions = planned([record(is)], { nowMs: atMs ?? 10_000, wishes }).map(shown)
    const expected = then?.replace(/^(\S+)/, '$1 1.0.0')
    expect(actions).toEqual(expected === undefined ? [] : [expected])
  })
})

describe('plan of several versions', () => {
  it('starts the new version only after the one it replaces has ended', () => {
    const old = record({ ...running, goal: 'stopped', active: false })
    const next = record({ version: '2.0.0' })
    expect(planned([old, next]).map(shown)).toEqual(['stop 1.0.0'])
    expect(planned([{ ...old, handle: null }, next]).map(shown)).toEqual(['start 2.0.0'])
  })

  it('starts the new version only after the hook of the one it replaces', () => {
    const old = record({ goal: 'stopped', active: false, postStopDue: true })
    expect(planned([old, record({ version: '2.0.0' })]).map(shown)).toEqual(['post-stop 1.0.0'])
  })

  it('starts a version beside the active one', () => {
    const beside = record({ version: '0.9.0', active: false })
    expect(planned([record(running), beside]).map(shown)).toEqual(['start 0.9.0'])
  })

  it('does not hold one app back for another', () => {
    const other = record({ ...running, app: 'db', goal: 'stopped', active: false })
    expect(planned([other, record()]).map(shown)).toEqual(['stop 1.0.0', 'start 1.0.0'])
  })
})
