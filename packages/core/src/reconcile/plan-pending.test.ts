import { describe, expect, it } from 'vitest'
import type { AppRecord, UpdatePolicy } from '../model/app-record.js'
import type { InstanceRecord } from '../model/instance-record.js'
import { FAILED, FINISHED, RUNS, app, planned, record, shown } from './plan.test.support.js'
import type { Wishes } from './plan.test.support.js'

const OLD = record(RUNS)
const NEW = record({ version: '2.0.0', goal: 'stopped', active: false, generation: 0 })

const pending = (policy: UpdatePolicy, sinceMs = 0): AppRecord =>
  app({ pending: { version: '2.0.0', policy, sinceMs } })

interface PendingRow {
  readonly app: AppRecord
  readonly old?: InstanceRecord | null
  readonly next?: Partial<InstanceRecord> | null
  readonly then: readonly string[]
  readonly wishes?: Wishes
  readonly atMs?: number
}

const PENDING: Readonly<Record<string, PendingRow>> = {
  'an immediate version takes over at once': {
    app: pending('immediate'),
    then: ['select 2.0.0'],
  },
  'an immediate version takes over from a stopped one': {
    app: pending('immediate'),
    old: record({ goal: 'stopped', state: 'stopped' }),
    then: ['select 2.0.0'],
  },
  'a version that is still on its way waits': {
    app: pending('immediate'),
    next: { presence: 'absent' },
    then: ['fetch 2.0.0'],
  },
  'the first version of an app takes over, whatever the policy': {
    app: pending('manual'),
    old: null,
    then: ['select 2.0.0'],
  },
  'a graceful version waits while the old one runs': { app: pending('graceful'), then: [] },
  'a graceful version waits while the old one is unhealthy and will be restarted': {
    app: pending('graceful'),
    old: record({ ...RUNS, healthy: false, state: 'unhealthy' }),
    then: ['stop 1.0.0 unhealthy'],
  },
  'a graceful version takes over when the old one has crashed': {
    app: pending('graceful'),
    old: record({ runGeneration: 1, ended: FAILED, startsMs: [1], state: 'backoff' }),
    then: ['select 2.0.0'],
  },
  'a graceful version takes over when the old one has finished': {
    app: pending('graceful'),
    old: record({ runGeneration: 1, ended: FINISHED, state: 'stopped' }),
    then: ['select 2.0.0'],
  },
  'a graceful version takes over when the old one was stopped': {
    app: pending('graceful'),
    old: record({ goal: 'stopped', state: 'stopped' }),
    then: ['select 2.0.0'],
  },
  'a graceful version does not cut into a start': {
    app: pending('graceful'),
    old: record(),
    wishes: { busy: true },
    then: [],
  },
  'a graceful version waits for max_wait': {
    app: pending('graceful', 5000),
    wishes: { update: { maxWaitMs: 10_000 } },
    then: ['wait 2.0.0 15000'],
  },
  'a graceful version takes over after max_wait': {
    app: pending('graceful', 5000),
    wishes: { update: { maxWaitMs: 10_000 } },
    atMs: 15_000,
    then: ['select 2.0.0'],
  },
  'a manual version waits': { app: pending('manual'), then: [] },
  'a manual version waits also when the old one has ended': {
    app: pending('manual'),
    old: record({ runGeneration: 1, ended: FAILED, startsMs: [9500], state: 'backoff' }),
    then: ['wait 1.0.0 11000'],
  },
  'a pending version that was removed is dropped': {
    app: pending('graceful'),
    next: { goal: 'removed' },
    then: ['drop-pending 2.0.0'],
  },
  'a pending version that is gone is dropped': {
    app: pending('graceful'),
    next: null,
    then: ['drop-pending 2.0.0'],
  },
  'a version that failed its trial is not selected again': {
    app: { ...pending('graceful'), badDigests: [NEW.digest] },
    old: record({ goal: 'stopped', state: 'stopped' }),
    then: ['drop-pending 2.0.0'],
  },
  'a version that failed its trial is taken when somebody says so': {
    app: { ...pending('immediate'), badDigests: [NEW.digest] },
    then: ['select 2.0.0'],
  },
  'a version that this node cannot run waits until it can': {
    app: pending('immediate'),
    wishes: { unrunnable: ['2.0.0'] },
    then: [],
  },
  'max_wait takes nothing down for a version that this node cannot run': {
    app: pending('graceful', 5000),
    wishes: { unrunnable: ['2.0.0'], update: { maxWaitMs: 10_000 } },
    atMs: 15_000,
    then: [],
  },
  'the old one is started again rather than a version that this node cannot run': {
    app: pending('graceful'),
    old: record({ runGeneration: 1, ended: FAILED, startsMs: [1], state: 'backoff' }),
    wishes: { unrunnable: ['2.0.0'] },
    atMs: 20_000,
    then: ['start 1.0.0'],
  },
  'a first version that this node cannot run is not tried': {
    app: pending('immediate'),
    old: null,
    wishes: { unrunnable: ['2.0.0'] },
    then: [],
  },
}

describe('plan of a pending version', () => {
  it.each(Object.entries(PENDING))('%s', (_name, row) => {
    const old = row.old === null ? [] : [row.old ?? OLD]
    const next = row.next === null ? [] : [{ ...NEW, ...row.next }]
    const given = { app: row.app, nowMs: row.atMs ?? 10_000, wishes: row.wishes ?? {} }
    expect(planned([...old, ...next], given).map(shown)).toEqual(row.then)
  })
})
