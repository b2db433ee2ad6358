import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RunHandle } from '../contracts/runtime.js'
import type { InstanceRecord } from '../model/instance-record.js'
import { plan } from './plan.js'
import type { Action } from './plan.js'
import type { RestartPolicy } from './restart-policy.js'

const HANDLE: RunHandle = { runtime: 'process', pid: 7, startTicks: 1, bootId: 'b', data: {} }
const POLICY: RestartPolicy = {
  policy: 'on-failure',
  delayMs: 1000,
  backoffMaxMs: 60_000,
  maxAttempts: 3,
  windowMs: 600_000,
}
const FAILED = { exit: { kind: 'exited', code: 1 }, atMs: 10_000 } as const
const FINISHED = { exit: { kind: 'exited', code: 0 }, atMs: 10_000 } as const

function record(patch: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    app: 'web',
    version: '1.0.0',
    digest: 'd',
    presence: 'present',
    goal: 'running',
    generation: 1,
    active: true,
    manifest: '',
    signedBy: 'k',
    sizeBytes: 1,
    receivedAtMs: 0,
    state: 'staged',
    reason: '',
    handle: null,
    runGeneration: 0,
    startedAtMs: null,
    startsMs: [],
    ended: null,
    ports: {},
    healthy: null,
    ...patch,
  }
}

function planned(instances: InstanceRecord[], nowMs = 10_000, policy = POLICY): Action[] {
  return plan({ instances, busy: () => false, restartPolicy: () => policy, nowMs })
}

const running = { handle: HANDLE, runGeneration: 1, state: 'running' } as const
const crashed = { runGeneration: 1, startsMs: [9000], ended: FAILED, state: 'backoff' } as const

const ROWS: [string, Partial<InstanceRecord>, string | undefined, number?][] = [
  ['a wanted package that is not here is fetched', { presence: 'absent' }, 'fetch'],
  [
    'a package wanted only to be there is fetched',
    { presence: 'absent', goal: 'stopped' },
    'fetch',
  ],
  ['a package that arrived is started', {}, 'start'],
  ['a running one is left alone', running, undefined],
  ['a healthy one is left alone', { ...running, state: 'healthy' }, undefined],
  [
    'an unhealthy one is left alone until a policy says otherwise',
    { ...running, state: 'unhealthy' },
    undefined,
  ],
  ['a running one that is not wanted is stopped', { ...running, goal: 'stopped' }, 'stop'],
  [
    'a stopped one that is not wanted is left alone',
    { goal: 'stopped', state: 'stopped' },
    undefined,
  ],
  ['a crashed one that is not wanted is left alone', { ...crashed, goal: 'stopped' }, undefined],
  ['a running one of an older generation is stopped first', { ...running, generation: 2 }, 'stop'],
  [
    'a stopped one of an older generation is started',
    { runGeneration: 1, generation: 2, ended: FINISHED },
    'start',
  ],
  ['a failed one starts again by command', { ...crashed, state: 'failed', generation: 2 }, 'start'],
  ['a failed one stays failed by itself', { ...crashed, state: 'failed' }, undefined],
  ['a finished one is done', { runGeneration: 1, ended: FINISHED, startsMs: [1] }, undefined],
  ['a crashed one waits for its delay', crashed, 'wait', 10_500],
  ['a crashed one starts after its delay', crashed, 'start', 11_000],
  [
    'the second restart waits twice as long',
    { ...crashed, startsMs: [8000, 9000] },
    'wait',
    11_500,
  ],
  [
    'the second restart comes after twice the delay',
    { ...crashed, startsMs: [8000, 9000] },
    'start',
    12_000,
  ],
  ['no starts left: it fails', { ...crashed, startsMs: [7000, 8000, 9000] }, 'fail', 20_000],
  [
    'starts before the window do not count',
    { ...crashed, startsMs: [-700_000, -650_000, 9000] },
    'start',
    11_000,
  ],
  ['removal stops what runs', { ...running, goal: 'removed' }, 'stop'],
  ['removal of a stopped one removes it', { goal: 'removed', state: 'stopped' }, 'remove'],
  ['removal of one still on its way removes it', { goal: 'removed', presence: 'absent' }, 'remove'],
]

describe('plan', () => {
  it.each(ROWS)('%s', (_name, patch, expected, nowMs) => {
    expect(planned([record(patch)], nowMs).map((action) => action.kind)).toEqual(
      expected === undefined ? [] : [expected],
    )
  })

  it('leaves a busy instance alone', () => {
    const actions = plan({
      instances: [record()],
      busy: () => true,
      restartPolicy: () => POLICY,
      nowMs: 0,
    })
    expect(actions).toEqual([])
  })

  it('starts the new version only after the one it replaces has ended', () => {
    const old = record({ ...running, goal: 'stopped', active: false })
    const next = record({ version: '2.0.0' })
    expect(planned([old, next])).toEqual([{ kind: 'stop', key: { app: 'web', version: '1.0.0' } }])
    expect(planned([{ ...old, handle: null }, next])).toEqual([
      { kind: 'start', key: { app: 'web', version: '2.0.0' } },
    ])
  })

  it('starts a version beside the active one', () => {
    const beside = record({ version: '0.9.0', active: false })
    expect(planned([record(running), beside]).map((action) => action.kind)).toEqual(['start'])
  })

  it('does not hold one app back for another', () => {
    const other = record({ ...running, app: 'db', goal: 'stopped', active: false })
    expect(planned([other, record()]).map((action) => action.kind)).toEqual(['stop', 'start'])
  })

  it.each([
    ['never', FAILED, undefined],
    ['never', FINISHED, undefined],
    ['always', FINISHED, 'start'],
    ['on-failure', FINISHED, undefined],
  ] as const)('under policy %s after %o does %s', (policy, ended, expected) => {
    const instance = record({ runGeneration: 1, startsMs: [9000], ended, state: 'stopped' })
    const actions = planned([instance], 20_000, { ...POLICY, policy })
    expect(actions[0]?.kind).toBe(expected)
  })

  it('reaches the desired state from any state and then does nothing more', () => {
    const version = fc.constantFrom('1.0.0', '2.0.0', '3.0.0')
    const instance = fc.record({
      version,
      presence: fc.constantFrom('absent', 'present'),
      goal: fc.constantFrom('running', 'stopped', 'removed'),
      generation: fc.integer({ min: 1, max: 3 }),
      runs: fc.boolean(),
      runGeneration: fc.integer({ min: 0, max: 3 }),
      ended: fc.constantFrom(null, FAILED, FINISHED),
    })
    fc.assert(
      fc.property(fc.uniqueArray(instance, { selector: (one) => one.version }), (drawn) => {
        let state = drawn.map(({ runs, ...rest }, index) => {
          const runGeneration = Math.min(rest.runGeneration, rest.generation)
          const runsNow = runs && rest.presence === 'present' && runGeneration > 0
          return record({
            ...rest,
            runGeneration,
            active: index === 0,
            handle: runsNow ? HANDLE : null,
            ended: runsNow || runGeneration === 0 ? null : rest.ended,
          })
        })
        let nowMs = 20_000
        for (let round = 0; round < 50; round += 1) {
          const actions = planned(state, nowMs)
          if (actions.length === 0) break
          for (const action of actions) state = applied(state, action, nowMs)
          nowMs += 60_000
        }
        expect(planned(state, nowMs)).toEqual([])
        for (const one of state) expect(reached(one)).toBe(true)
      }),
    )
  })
})

/** A world in which everything that is started keeps running. */
function applied(state: InstanceRecord[], action: Action, nowMs: number): InstanceRecord[] {
  const change = (patch: Partial<InstanceRecord>): InstanceRecord[] =>
    state.map((one) => (one.version === action.key.version ? { ...one, ...patch } : one))
  switch (action.kind) {
    case 'fetch':
      return change({ presence: 'present' })
    case 'start': {
      const generation = state.find((one) => one.version === action.key.version)?.generation ?? 1
      return change({ handle: HANDLE, runGeneration: generation, ended: null, startsMs: [nowMs] })
    }
    case 'stop':
      return change({
        handle: null,
        ended: { exit: { kind: 'signaled', signal: 'SIGTERM' }, atMs: nowMs },
      })
    case 'remove':
      return state.filter((one) => one.version !== action.key.version)
    case 'fail':
      return change({ state: 'failed' })
    case 'wait':
      return state
    default:
      return action satisfies never
  }
}

function reached(one: InstanceRecord): boolean {
  if (one.goal === 'removed') return false
  if (one.goal === 'stopped') return one.handle === null && one.presence === 'present'
  return one.handle !== null || one.state === 'failed' || one.ended?.exit.kind === 'exited'
}
