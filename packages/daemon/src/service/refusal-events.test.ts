import type { NewEvent } from '@p2p-playground/core'
import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { beforeEach, expect, it } from 'vitest'
import { RefusalEvents } from './refusal-events.js'

let clock: FakeClock
let logger: RecordingLogger
let commits: (readonly NewEvent[])[]
let full: boolean
let refusals: RefusalEvents

beforeEach(() => {
  clock = new FakeClock()
  logger = new RecordingLogger()
  commits = []
  full = false
  const record = (...events: readonly NewEvent[]): void => {
    if (full) throw new Error('the disk is full')
    commits.push(events)
  }
  refusals = new RefusalEvents({ table: { record }, clock, logger })
})

function refuse(patch: Partial<NewEvent> = {}): void {
  const [timeMs, version] = [clock.now(), null]
  const who = { code: 'AUTH_ROLE', by: 'stranger', ...patch }
  refusals.record({ timeMs, type: 'refused', app: 'web', version, message: 'no role', ...who })
}

const messages = (): string[] => commits.flat().map(({ message }) => message)

it('the first is recorded at once, equal ones of the same minute as their number', async () => {
  for (let asked = 0; asked < 5000; asked += 1) refuse()
  expect(messages()).toEqual(['no role'])
  await clock.advance(59_999)
  expect(messages()).toHaveLength(1)
  await clock.advance(1)
  expect(commits.flat()[1]).toEqual({
    timeMs: clock.now(),
    type: 'refused',
    app: 'web',
    version: null,
    message: 'no role; 4999 more times',
    code: 'AUTH_ROLE',
    by: 'stranger',
  })
})

it('one that comes once is no more than itself, and the next minute begins anew', async () => {
  refuse()
  await clock.advance(60_000)
  refuse()
  refuse()
  await clock.advance(60_000)
  expect(messages()).toEqual(['no role', 'no role', 'no role; 1 more time'])
  expect(clock.sleeping).toBe(0)
})

it.each<[string, Partial<NewEvent>]>([
  ['another peer', { by: 'other' }],
  ['another code', { code: 'AUTH_REPLAY' }],
  ['another app', { app: 'calm' }],
  ['no app', { app: null }],
  ['another question', { message: 'no other role' }],
])('what is refused to %s is another refusal', (_, patch) => {
  refuse()
  refuse(patch)
  expect(commits).toHaveLength(2)
})

it('one minute holds no more than 64 different ones; the rest is a number', async () => {
  for (let peer = 0; peer < 1000; peer += 1) refuse({ by: `stranger ${String(peer)}` })
  refuse({ by: 'stranger 3' })
  expect(commits).toHaveLength(64)
  await clock.advance(60_000)
  expect(commits).toHaveLength(65)
  expect(commits[64]).toMatchObject([
    { by: 'stranger 3', message: 'no role; 1 more time' },
    { by: null, app: null, code: null, message: 'refusals of further kinds: 936' },
  ])
})

it('what was counted is recorded when the daemon ends, and nothing waits any more', async () => {
  refuse()
  refuse()
  refusals.close()
  refusals.close()
  expect(messages()).toEqual(['no role', 'no role; 1 more time'])
  await clock.advance(60_000)
  expect(messages()).toHaveLength(2)
  expect(clock.sleeping).toBe(0)
})

it('what cannot be written down is logged, and who asked is refused all the same', async () => {
  full = true
  refuse()
  refuse()
  await clock.advance(60_000)
  expect(logger.lines.map(({ event }) => event)).toEqual([
    'refusal-not-recorded',
    'refusal-not-recorded',
  ])
})
