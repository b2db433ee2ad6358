import { describe, expect, it } from 'vitest'
import type { AppRecord } from '../model/app-record.js'
import type { InstanceRecord } from '../model/instance-record.js'
import { RUNS, app, planned, record, shown } from './plan.test.support.js'

const idle = (version: string, arrival: number): InstanceRecord =>
  record({ version, arrival, active: false, goal: 'stopped', state: 'stopped' })
const all = [
  record({ ...RUNS, version: '6.0.0', wellSinceMs: 5000 }),
  idle('1.0.0', 100),
  idle('2.0.0', 200),
  idle('3.0.0', 300),
]
const TRIAL = { version: '6.0.0', beganMs: 9000, provedMs: null }
const pruned = (patch: Partial<AppRecord>, instances = all, keepVersions = 3): string[] =>
  planned(instances, { app: app(patch), wishes: { keepVersions } }).map(shown)

it('gives up the one that came first', () => {
  expect(pruned({})).toEqual(['prune 1.0.0'])
})

it('gives up one that came before arrivals were counted, of these the earliest by the wall clock', () => {
  const old = [idle('4.0.0', 0), idle('5.0.0', 0)].map((one, index) => ({
    ...one,
    receivedAtMs: 1e12 - index,
  }))
  expect(pruned({}, [...all, ...old], 5)).toEqual(['prune 5.0.0'])
})

it('gives up nothing while there are not too many', () => {
  expect(pruned({}, all, 4)).toEqual([])
})

it.each<[string, Partial<AppRecord>]>([
  ['the stable one', { stable: '1.0.0' }],
  ['one with a tag', { tags: { demo: '1.0.0' } }],
  ['one that holds the tag stable', { tags: { stable: '1.0.0' } }],
])('spares %s', (_name, patch) => {
  expect(pruned(patch)).toEqual(['prune 2.0.0'])
})

it.each<[string, Partial<AppRecord>]>([
  ['waits', { pending: { version: '3.0.0', policy: 'manual', sinceMs: 0 } }],
  ['is on trial', { trial: { ...TRIAL, previous: null } }],
])('spares one that %s, and gives up none for it', (_name, patch) => {
  expect(pruned(patch, all, 2)).toContain('prune 1.0.0')
  expect(pruned(patch).filter((action) => action.startsWith('prune'))).toEqual([])
})

it('spares one to go back to', () => {
  expect(pruned({ trial: { ...TRIAL, previous: '1.0.0' } }, all, 2)).toContain('prune 2.0.0')
})

describe('when some failed their trial', () => {
  const failed = (...versions: string[]): InstanceRecord[] =>
    all.map((one) => (versions.includes(one.version) ? { ...one, condemned: 'exited' } : one))

  it('gives up these first, of them the one that came first', () => {
    expect(pruned({}, failed('2.0.0', '3.0.0'))).toEqual(['prune 2.0.0'])
  })

  it('spares one that is needed, and gives up no other for it', () => {
    expect(pruned({ tags: { demo: '3.0.0' } }, failed('3.0.0'))).toEqual([])
    expect(pruned({ tags: { demo: '3.0.0' } }, failed('3.0.0'), 2)).toEqual(['prune 1.0.0'])
  })

  it('spares the one that was good before, however many upgrades fail', () => {
    let instances = [record({ ...RUNS, version: '6.0.0', wellSinceMs: 5000 }), idle('1.0.0', 100)]
    for (const version of ['7.0.0', '8.0.0', '9.0.0']) {
      const next = record({ ...RUNS, version, arrival: 1000, wellSinceMs: 9500 })
      const onTrial = [...instances.map((one) => ({ ...one, active: false })), next]
      const trial = { ...TRIAL, version, previous: '6.0.0' }
      expect(pruned({ stable: '6.0.0', trial }, onTrial, 2).join()).not.toContain('prune')
      instances.push({ ...idle(version, 1000), condemned: 'exited' })
      expect(pruned({ stable: '6.0.0' }, instances, 2)).toEqual([`prune ${version}`])
      instances = instances.filter((one) => one.version !== version)
    }
  })
})

it('spares what runs beside the active one', () => {
  const beside = all.map((one) =>
    one.version === '1.0.0' ? { ...one, ...RUNS, goal: 'running' as const } : one,
  )
  expect(pruned({}, beside)).toEqual(['prune 2.0.0'])
})

it('keeps more than it should when all are needed', () => {
  expect(pruned({ tags: { a: '1.0.0', b: '2.0.0', c: '3.0.0' } })).toEqual([])
})
