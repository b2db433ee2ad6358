import type { InstanceStatus } from '@p2p-playground/core'
import { heartbeatFromProto } from '@p2p-playground/proto'
import { FakeClock, sampleInstance, sampleNode } from '@p2p-playground/testkit'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Bell } from '../engine/bell.js'
import { streamHeartbeats } from './heartbeats.js'

const WEB = sampleInstance('web', { state: 'starting' })

let clock: FakeClock
let changed: Bell
let instances: InstanceStatus[]
let stop: AbortController
/** When each beat came, and the states it told. */
let beats: string[]
let ended: Promise<void>

beforeEach(async () => {
  clock = new FakeClock()
  changed = new Bell()
  instances = [WEB]
  stop = new AbortController()
  beats = []
  const source = {
    clock,
    changed,
    info: async () => Promise.resolve(sampleNode()),
    instances: () => instances,
  }
  const watch = async (): Promise<void> => {
    for await (const message of streamHeartbeats(source, stop.signal)) {
      const states = heartbeatFromProto(message).instances.map(({ state }) => state)
      beats.push(`${String(clock.monotonic())} ${states.join()}`)
    }
  }
  ended = watch()
  await clock.advance(0)
})
afterEach(async () => {
  stop.abort()
  await ended
})

function become(state: InstanceStatus['state']): void {
  instances = [{ ...WEB, state }]
  changed.ring()
}

it('beats at once, then every five seconds', async () => {
  expect(beats).toEqual(['0 starting'])
  await clock.advance(10_000)
  expect(beats).toEqual(['0 starting', '5000 starting', '10000 starting'])
})

it('beats at once when an instance changes, and five seconds after that', async () => {
  await clock.advance(2000)
  become('running')
  await clock.advance(6000)
  expect(beats).toEqual(['0 starting', '2050 running', '7050 running'])
})

it('tells changes that follow each other in one beat', async () => {
  become('running')
  await clock.advance(20)
  become('healthy')
  await clock.advance(100)
  expect(beats).toEqual(['0 starting', '50 healthy'])
})

it('does not beat for a ring that changes nothing', async () => {
  await clock.advance(4000)
  changed.ring()
  await clock.advance(1000)
  expect(beats).toEqual(['0 starting', '5000 starting'])
})

it('ends without a word when nobody watches any more', async () => {
  stop.abort(new Error('gone'))
  await expect(ended).resolves.toBeUndefined()
  expect(clock.sleeping).toBe(0)
})
