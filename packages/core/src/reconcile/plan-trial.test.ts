import { describe, expect, it } from 'vitest'
import type { AppRecord, Trial } from '../model/app-record.js'
import type { InstanceRecord } from '../model/instance-record.js'
import { FAILED, FINISHED, HANDLE, RUNS, app, planned, record, shown } from './plan.test.support.js'
import type { Wishes } from './plan.test.support.js'

const PREVIOUS = record({ version: '1.0.0', active: false, goal: 'stopped', state: 'stopped' })

interface TrialRow {
  readonly trial?: Partial<Trial>
  readonly app?: Partial<AppRecord>
  /** The version on trial. */
  readonly is?: Partial<InstanceRecord>
  readonly previous?: Partial<InstanceRecord>
  readonly atMs?: number
  readonly wishes?: Wishes
  readonly then: readonly string[]
}

const crashed = {
  handle: null,
  wellSinceMs: null,
  state: 'backoff',
  ended: FAILED,
  startsMs: [9000],
} as const
const failed = { ...crashed, state: 'failed', reason: 'exit 1; 3 starts within 10m' } as const
const watched = { provedMs: 15_000 }

const TRIAL: Readonly<Record<string, TrialRow>> = {
  'it waits until it is well for healthy_after': { then: ['wait 2.0.0 15000'] },
  'it is proved when it was well for healthy_after': { atMs: 15_000, then: ['prove 2.0.0'] },
  'it waits for its deadline while it is not well': {
    is: { ...RUNS, wellSinceMs: null },
    then: ['wait 2.0.0 62000'],
  },
  'it may crash before its deadline': {
    is: crashed,
    then: ['wait 2.0.0 11000', 'wait 2.0.0 62000'],
  },
  'it is rolled back at its deadline': {
    is: { ...RUNS, wellSinceMs: null },
    atMs: 62_000,
    then: ['roll-back 2.0.0 to 1.0.0'],
  },
  'being well too late is not enough': {
    is: { wellSinceMs: 55_000 },
    atMs: 62_000,
    then: ['roll-back 2.0.0 to 1.0.0'],
  },
  'the deadline counts from the end of start_period': {
    is: { ...RUNS, wellSinceMs: null },
    atMs: 62_000,
    wishes: { startPeriodMs: 30_000 },
    then: ['wait 2.0.0 92000'],
  },
  'it is rolled back as soon as its restart policy gives up': {
    is: failed,
    then: ['roll-back 2.0.0 to 1.0.0'],
  },
  'a failure of an earlier generation says nothing': {
    trial: { beganMs: null },
    is: { ...failed, generation: 2 },
    then: ['start 2.0.0'],
  },
  'it has all the time before its first start': {
    trial: { beganMs: null },
    is: { handle: null, runGeneration: 0, state: 'staged', wellSinceMs: null },
    atMs: 1_000_000,
    then: ['start 2.0.0'],
  },
  'once proved it is watched': { trial: watched, atMs: 20_000, then: ['wait 2.0.0 75000'] },
  'it passes when nothing happened while it was watched': {
    trial: watched,
    atMs: 75_000,
    then: ['pass 2.0.0'],
  },
  'one crash while it is watched rolls it back': {
    trial: watched,
    is: crashed,
    atMs: 20_000,
    then: ['roll-back 2.0.0 to 1.0.0'],
  },
  'a restart by command while it is watched is no failure': {
    trial: watched,
    is: { handle: null, wellSinceMs: null, state: 'starting', startsMs: [19_000] },
    atMs: 20_000,
    wishes: { busy: true },
    then: [],
  },
  'one that is not well yet after a restart by command does not pass': {
    trial: watched,
    is: { wellSinceMs: null, startsMs: [19_000] },
    atMs: 80_000,
    then: [],
  },
  'being unhealthy while it is watched rolls it back': {
    trial: watched,
    is: { wellSinceMs: null, healthy: false, state: 'unhealthy' },
    atMs: 20_000,
    then: ['roll-back 2.0.0 to 1.0.0'],
  },
  'one that did its work and ended has passed': {
    is: { ...crashed, ended: FINISHED, state: 'stopped' },
    then: ['pass 2.0.0'],
  },
  'a stop by command ends the trial': {
    is: { goal: 'stopped' },
    then: ['drop-trial 2.0.0'],
  },
  'another active version ends the trial': {
    is: { active: false },
    previous: { active: true },
    then: ['drop-trial 2.0.0'],
  },
  'without auto_rollback the failure is only said': {
    is: failed,
    wishes: { update: { autoRollback: false } },
    then: ['fail-trial 2.0.0'],
  },
  'it goes back to the stable version rather than to the one before': {
    app: { stable: '0.9.0' },
    is: failed,
    then: ['roll-back 2.0.0 to 0.9.0'],
  },
  'it goes back to the version that the tag stable was given to': {
    app: { stable: '1.0.0', tags: { stable: '0.9.0' } },
    is: failed,
    then: ['roll-back 2.0.0 to 0.9.0'],
  },
  'it does not go back to a version that failed its own trial': {
    app: { stable: '0.9.0', badDigests: ['digest of 0.9.0'] },
    is: failed,
    then: ['roll-back 2.0.0 to 1.0.0'],
  },
  'it does not go back to a version that this node cannot run': {
    app: { stable: '0.9.0' },
    is: failed,
    wishes: { unrunnable: ['0.9.0'] },
    then: ['roll-back 2.0.0 to 1.0.0'],
  },
  'with nothing to go back to that can run, one that was proved goes on': {
    trial: watched,
    is: crashed,
    wishes: { unrunnable: ['1.0.0'] },
    atMs: 20_000,
    then: ['fail-trial 2.0.0'],
  },
  'it does not go back to a version that is being removed': {
    is: failed,
    previous: { goal: 'removed', handle: HANDLE },
    then: ['roll-back 2.0.0 to null'],
  },
  'there may be nothing to go back to': {
    trial: { previous: null },
    is: failed,
    then: ['roll-back 2.0.0 to null'],
  },
  'with nothing to go back to, one that was proved goes on under its restart policy': {
    trial: { ...watched, previous: null },
    is: crashed,
    atMs: 20_000,
    then: ['fail-trial 2.0.0'],
  },
  'with nothing to go back to, one that was proved ends with its restart policy': {
    trial: { ...watched, previous: null },
    is: failed,
    atMs: 20_000,
    then: ['roll-back 2.0.0 to null'],
  },
  'it is not judged while it runs and nobody can tell how it does': {
    is: { ...RUNS, wellSinceMs: null },
    atMs: 62_000,
    wishes: { unseen: ['2.0.0'] },
    then: [],
  },
  'it is judged by how it ended, whoever could not tell before': {
    is: failed,
    wishes: { unseen: ['2.0.0'] },
    then: ['roll-back 2.0.0 to 1.0.0'],
  },
  'a stable version does not go back to itself': {
    trial: { previous: null },
    app: { stable: '2.0.0' },
    is: failed,
    then: ['roll-back 2.0.0 to null'],
  },
}

describe('plan of a version on trial', () => {
  it.each(Object.entries(TRIAL))('%s', (_name, row) => {
    const trial = {
      version: '2.0.0',
      previous: '1.0.0',
      beganMs: 2000,
      provedMs: null,
      ...row.trial,
    }
    const instances = [
      record({ version: '0.9.0', active: false, goal: 'stopped', state: 'stopped' }),
      { ...PREVIOUS, ...row.previous },
      record({ version: '2.0.0', ...RUNS, wellSinceMs: 5000, ...row.is }),
    ]
    const given = { app: app({ trial, ...row.app }), nowMs: row.atMs ?? 10_000 }
    const actions = planned(instances, { ...given, wishes: row.wishes ?? {} })
    expect(actions.map(shown)).toEqual(row.then)
  })
})
