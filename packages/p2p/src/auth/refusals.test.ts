import { FakeClock, RecordingLogger } from '@p2p-playground/testkit'
import { beforeEach, expect, it } from 'vitest'
import { Refusals } from './refusals.js'
import type { Refusal } from './refusals.js'

let clock: FakeClock
let logger: RecordingLogger
let refusals: Refusals

beforeEach(() => {
  clock = new FakeClock()
  logger = new RecordingLogger()
  refusals = new Refusals({ clock, logger })
})

const refusal = (peerId = 'stranger'): Refusal => ({
  peerId,
  code: 'AUTH_MEMBERSHIP',
  message: `${peerId} is not in p2p.allowed_peers`,
})

it('one that dials without end is a line, and a number a minute; who listens hears of each', async () => {
  const heard: Refusal[] = []
  refusals.on((one) => heard.push(one))
  for (let dial = 0; dial < 1000; dial += 1) refusals.report(refusal())
  const first = { level: 'warn', event: 'connection-refused', fields: refusal() }
  expect(logger.lines).toEqual([first])
  await clock.advance(60_000)
  expect(logger.lines).toEqual([first, { ...first, fields: { ...refusal(), more: 999 } }])
  expect(heard).toHaveLength(1000)
})

it('many PeerIDs are no more than 64 lines, and a number a minute', async () => {
  for (let dial = 0; dial < 1000; dial += 1) refusals.report(refusal(`stranger ${String(dial)}`))
  expect(logger.lines).toHaveLength(64)
  await clock.advance(60_000)
  expect(logger.lines).toHaveLength(65)
  expect(logger.lines[64]).toEqual({
    level: 'warn',
    event: 'connection-refused',
    fields: { others: 936 },
  })
})

it('what was only counted is logged at the end', () => {
  for (let dial = 0; dial < 3; dial += 1) refusals.report(refusal())
  refusals.close()
  refusals.close()
  expect(logger.lines.map(({ fields }) => fields['more'])).toEqual([undefined, 2])
  expect(clock.sleeping).toBe(0)
})
