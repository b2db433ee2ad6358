import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newAppRecord } from '../model/app-record.js'
import type { AppRecord } from '../model/app-record.js'
import type { InstanceRecord } from '../model/instance-record.js'
import { applyEdit } from './edit-app.js'
import { isEdit } from './plan.js'
import type { Action } from './plan.js'
import type { AppEdit } from './plan-app.js'
import { FAILED, FINISHED, HANDLE, planned, policiesOf, record } from './plan.test.support.js'
import type { Wishes } from './plan.test.support.js'
import { decideRestart } from './restart-policy.js'

/** What each program does once it is started. */
const BEHAVIOURS = ['runs', 'crashes', 'finishes', 'sickens', 'crashes once'] as const
type Behaviour = (typeof BEHAVIOURS)[number]

interface World {
  app: AppRecord
  instances: InstanceRecord[]
  nowMs: number
  readonly behaviours: Readonly<Record<string, Behaviour>>
  readonly wishes: Wishes
  starts: number
}

const VERSIONS = ['1.0.0', '2.0.0', '3.0.0']
/** Far more than any of these worlds needs. */
const MAX_ROUNDS = 300

const instanceArbitrary = fc.record({
  version: fc.constantFrom(...VERSIONS),
  presence: fc.constantFrom('absent', 'present'),
  goal: fc.constantFrom('running', 'stopped', 'removed'),
  generation: fc.integer({ min: 1, max: 3 }),
  runGeneration: fc.integer({ min: 0, max: 3 }),
  runs: fc.boolean(),
  healthy: fc.constantFrom(null, true, false),
  ended: fc.constantFrom(null, FAILED, FINISHED),
  state: fc.constantFrom('staged', 'stopped', 'backoff', 'failed'),
  postStopDue: fc.boolean(),
})

const worldArbitrary = fc.record({
  drawn: fc.uniqueArray(instanceArbitrary, {
    selector: (one) => one.version,
    minLength: 1,
  }),
  pending: fc.option(
    fc.record({
      version: fc.constantFrom(...VERSIONS),
      policy: fc.constantFrom('immediate', 'graceful', 'manual'),
      sinceMs: fc.constant(0),
    }),
  ),
  trial: fc.option(
    fc.record({
      version: fc.constantFrom(...VERSIONS),
      previous: fc.option(fc.constantFrom(...VERSIONS)),
      provedMs: fc.constant(null),
    }),
  ),
  stable: fc.option(fc.constantFrom(...VERSIONS)),
  behaviours: fc.array(fc.constantFrom(...BEHAVIOURS), { minLength: 3, maxLength: 3 }),
  restart: fc.constantFrom('always', 'on-failure', 'never'),
  autoRollback: fc.boolean(),
  maxWaitMs: fc.option(fc.constant(30_000), { nil: undefined }),
  keepVersions: fc.integer({ min: 1, max: 3 }),
  unrunnable: fc.subarray([...VERSIONS], { maxLength: 1 }),
})

function worldOf(drawn: typeof worldArbitrary extends fc.Arbitrary<infer T> ? T : never): World {
  const instances = drawn.drawn.map(({ runs, runGeneration, ended, ...rest }, index) => {
    const generation = Math.min(runGeneration, rest.generation)
    const runsNow = runs && rest.presence === 'present' && generation > 0
    return record({
      ...rest,
      active: index === 0,
      runGeneration: generation,
      handle: runsNow ? HANDLE : null,
      healthy: runsNow ? rest.healthy : null,
      wellSinceMs: runsNow && rest.healthy !== false ? 1000 : null,
      ended: runsNow || generation === 0 ? null : ended,
      postStopDue: rest.postStopDue && !runsNow && rest.presence === 'present',
    })
  })
  const behaviours = Object.fromEntries(
    VERSIONS.map((version, index) => [version, drawn.behaviours[index] ?? 'runs']),
  )
  const hasRun = (version: string): boolean =>
    instances.some((one) => one.version === version && one.runGeneration === one.generation)
  const { pending, trial, stable, autoRollback, maxWaitMs, keepVersions, unrunnable } = drawn
  return {
    app: {
      ...newAppRecord('web'),
      pending,
      // A trial begins with the start of its version, in one step.
      trial: trial && { ...trial, beganMs: hasRun(trial.version) ? 1000 : null },
      stable,
    },
    instances,
    nowMs: 20_000,
    behaviours,
    wishes: {
      restart: { policy: drawn.restart },
      update: { autoRollback, maxWaitMs },
      keepVersions,
      unrunnable,
    },
    starts: 0,
  }
}

const nextActions = ({ app, instances, nowMs, wishes }: World): Action[] =>
  planned(instances, { app, nowMs, wishes })

/** Carries out one action as an engine would, in a world in which every program does what it always does. */
function apply(world: World, action: Action): void {
  if (isEdit(action)) {
    applyToApp(world, action)
    return
  }
  const change = (patch: Partial<InstanceRecord>): void => {
    world.instances = world.instances.map((one) =>
      one.version === action.key.version ? { ...one, ...patch } : one,
    )
  }
  const instance = world.instances.find((one) => one.version === action.key.version)
  switch (action.kind) {
    case 'wait':
      return
    case 'fetch':
      change({ presence: 'present' })
      return
    case 'start':
      if (instance !== undefined) start(world, instance, change)
      return
    case 'stop':
      change({
        handle: null,
        healthy: null,
        wellSinceMs: null,
        ended: { ...FINISHED, atMs: world.nowMs, unhealthy: action.unhealthy },
        state: action.unhealthy ? 'backoff' : 'stopped',
        postStopDue: true,
      })
      return
    case 'post-stop':
      change({ postStopDue: false })
      return
    case 'remove':
      world.instances = world.instances.filter((one) => one.version !== action.key.version)
      return
    case 'fail':
      change({ state: 'failed', reason: action.reason })
      return
    default:
      action satisfies never
  }
}

function applyToApp(world: World, edit: AppEdit): void {
  const state = { app: world.app, instances: world.instances }
  const { app, save } = applyEdit(state, edit, world.nowMs)
  world.app = app
  world.instances = world.instances.map(
    (one) => save.find((changed) => changed.version === one.version) ?? one,
  )
}

function start(
  world: World,
  instance: InstanceRecord,
  change: (patch: Partial<InstanceRecord>) => void,
): void {
  world.starts += 1
  const fresh = instance.runGeneration < instance.generation
  const startsMs = fresh ? [world.nowMs] : [...instance.startsMs, world.nowMs]
  const begun = { runGeneration: instance.generation, startsMs, ended: null, healthy: null }
  const { trial } = world.app
  if (trial?.version === instance.version && trial.beganMs === null)
    world.app = { ...world.app, trial: { ...trial, beganMs: world.nowMs } }
  const behaviour = world.behaviours[instance.version]
  const crashes = behaviour === 'crashes' || (behaviour === 'crashes once' && startsMs.length === 1)
  if (crashes || behaviour === 'finishes') {
    const ended = { ...(crashes ? FAILED : FINISHED), atMs: world.nowMs }
    const { restart } = policiesOf(world.wishes)
    const { kind } = decideRestart(restart, startsMs, ended)
    const state = kind === 'restart' ? 'backoff' : crashes ? 'failed' : 'stopped'
    change({ ...begun, ended, handle: null, wellSinceMs: null, state, postStopDue: true })
    return
  }
  const sick = behaviour === 'sickens'
  change({
    ...begun,
    handle: HANDLE,
    healthy: sick ? false : null,
    wellSinceMs: sick ? null : world.nowMs,
    state: sick ? 'unhealthy' : 'running',
  })
}

function isSettled(world: World, instance: InstanceRecord): boolean {
  switch (instance.goal) {
    case 'removed':
      return false
    case 'stopped':
      return instance.handle === null && instance.presence === 'present'
    case 'running':
      return (
        instance.handle !== null ||
        instance.state === 'failed' ||
        (instance.ended !== null &&
          decideRestart(policiesOf(world.wishes).restart, instance.startsMs, instance.ended)
            .kind === 'done')
      )
    default:
      return instance.goal satisfies never
  }
}

describe('plan and apply, again and again', () => {
  it('from any state reach what is desired, or failure, and then do nothing more', () => {
    fc.assert(
      fc.property(worldArbitrary, (drawn) => {
        const world = worldOf(drawn)
        for (let round = 0; round < MAX_ROUNDS; round += 1) {
          const actions = nextActions(world)
          if (actions.length === 0) break
          const due = actions.filter((action) => action.kind !== 'wait')
          for (const action of due) apply(world, action)
          const waits = actions.flatMap((action) => (action.kind === 'wait' ? [action.atMs] : []))
          if (due.length === 0) world.nowMs = Math.min(...waits)
        }
        expect(nextActions(world)).toEqual([])
        for (const one of world.instances) expect(isSettled(world, one)).toBe(true)
        if (world.instances.length > 0) expect(world.app.trial).toBeNull()
        expect(world.instances.filter((one) => one.active).length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 3000 },
    )
  })

  it('start a program that crashes exactly as often as its restart policy allows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(5000), (maxAttempts, delayMs) => {
        const restart = { policy: 'always', maxAttempts, delayMs } as const
        const world: World = {
          app: newAppRecord('web'),
          instances: [record()],
          nowMs: 0,
          behaviours: { '1.0.0': 'crashes' },
          wishes: { restart: { ...restart, windowMs: 1e9 } },
          starts: 0,
        }
        for (let round = 0; round < MAX_ROUNDS; round += 1) {
          for (const action of nextActions(world)) {
            if (action.kind === 'wait') world.nowMs = action.atMs
            else apply(world, action)
          }
        }
        expect(world.starts).toBe(maxAttempts)
        expect(nextActions(world)).toEqual([])
      }),
    )
  })
})
