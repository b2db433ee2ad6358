import { PlaygroundError } from '@p2p-playground/core'
import type { Heartbeat, NodeEvent } from '@p2p-playground/core'
import { EventQueue } from '@p2p-playground/p2p'
import { FakeClock, sampleInstance } from '@p2p-playground/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KnownNode } from './known-node.js'
import { NodeWatch } from './node-watch.js'
import { beatOf } from './testing/beats.js'

const UP: KnownNode = {
  peerId: 'peer',
  name: 'n1',
  addresses: [],
  info: beatOf().node,
  failure: undefined,
  latencyMs: 1,
}

/** The way to a node: a test says what comes over it. */
class Link {
  /** How often it was opened. */
  opened = 0
  refreshed = 0
  refusal: PlaygroundError | undefined
  #queue = new EventQueue<Heartbeat>()
  #cut = new AbortController()

  beat(beat = beatOf()): void {
    this.#queue.push(beat)
  }

  cut(): void {
    this.#cut.abort()
  }

  async *open(signal: AbortSignal): AsyncGenerator<Heartbeat> {
    this.opened += 1
    if (this.refusal !== undefined) throw this.refusal
    this.#cut = new AbortController()
    this.#queue = new EventQueue()
    const ends = AbortSignal.any([signal, this.#cut.signal])
    yield* this.#queue.drain(ends)
    throw new PlaygroundError('NODE_UNREACHABLE', 'the connection broke')
  }
}

let clock: FakeClock
let link: Link
let stop: AbortController
let events: NodeEvent[]
let ended: Promise<void>

beforeEach(() => {
  clock = new FakeClock()
  link = new Link()
  stop = new AbortController()
  events = []
})
afterEach(async () => {
  stop.abort()
  await ended
  expect(clock.sleeping).toBe(0)
})

async function watch(one: KnownNode = UP): Promise<void> {
  const emit = (event: NodeEvent): void => {
    events.push(event)
  }
  const refresh = async (): Promise<void> => {
    link.refreshed += 1
    return Promise.resolve()
  }
  const open = (signal: AbortSignal): AsyncIterable<Heartbeat> => link.open(signal)
  ended = new NodeWatch({ one, open, refresh, clock, emit }).run(stop.signal)
  await clock.advance(0)
}

/** Beats every five seconds for so long. */
async function beatFor(ms: number, beat = beatOf()): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5000) {
    link.beat(beat)
    await clock.advance(5000)
  }
}

function told(): string[] {
  return events.map(({ type, message }) => `${type}: ${message}`)
}

describe('a node that beats', () => {
  it('is up from the first heartbeat on, and nothing more is said', async () => {
    await watch()
    expect(told()).toEqual([])
    await beatFor(60_000, beatOf([sampleInstance('web')]))
    expect(told()).toEqual(['node-up: up'])
    expect(events[0]).toMatchObject({
      node: 'n1',
      peerId: 'peer',
      summary: { state: 'up', apps: 1 },
      instances: [{ app: 'web' }],
    })
  })

  it('is changed when its apps or labels change', async () => {
    await watch()
    await beatFor(5000)
    await beatFor(5000, beatOf([sampleInstance('web')]))
    await beatFor(5000, beatOf([sampleInstance('web')], { labels: { a: '1' } }))
    expect(told().slice(1)).toEqual([
      'node-changed: web@1.0.0 is new: running',
      'node-changed: labels: a=1',
    ])
    expect(events.at(-1)?.summary.labels).toEqual({ a: '1' })
  })
})

describe('a node that falls silent', () => {
  it('is down after 15 s, no sooner, and only once', async () => {
    await watch()
    link.beat()
    await clock.advance(14_999)
    expect(told()).toEqual(['node-up: up'])
    await clock.advance(1)
    expect(told()).toEqual(['node-up: up', 'node-down: no heartbeat for 15s'])
    await clock.advance(300_000)
    expect(events).toHaveLength(2)
    expect(events[1]?.summary).toMatchObject({ state: 'down', name: 'n1' })
  })

  it('counts from the last heartbeat, whatever the wall clock says', async () => {
    await watch()
    await beatFor(60_000)
    clock.setWall(clock.now() + 3_600_000)
    await clock.advance(9999)
    expect(told()).toEqual(['node-up: up'])
    await clock.advance(1)
    expect(told()).toHaveLength(2)
  })

  it('whose stream hangs is asked anew, and is up again with what changed meanwhile', async () => {
    await watch()
    link.beat()
    await clock.advance(15_200)
    expect(link.opened).toBe(2)
    link.beat(beatOf([], { startedAtMs: 2 }))
    await clock.advance(0)
    expect(told().at(-1)).toBe('node-up: up again; the daemon was started anew')
  })
})

describe('a stream that is cut', () => {
  it('says nothing when the node beats again in time', async () => {
    await watch()
    link.beat()
    await clock.advance(5000)
    link.cut()
    await clock.advance(5000)
    link.beat()
    await clock.advance(14_999)
    expect(told()).toEqual(['node-up: up'])
    expect(link.refreshed).toBeGreaterThan(0)
  })

  it('is opened again until the node is there; the reason is told', async () => {
    await watch()
    link.beat()
    await clock.advance(1)
    link.refusal = new PlaygroundError('NODE_UNREACHABLE', 'connection refused')
    link.cut()
    await clock.advance(20_000)
    expect(told().slice(1)).toEqual(['node-down: no heartbeat for 15s: connection refused'])
    link.refusal = undefined
    await clock.advance(5000)
    link.beat()
    await clock.advance(0)
    expect(told().slice(2)).toEqual(['node-up: up again'])
  })

  it('is not opened in a storm', async () => {
    link.refusal = new PlaygroundError('NODE_UNREACHABLE', 'connection refused')
    await watch()
    await clock.advance(60_000)
    expect(link.opened).toBeLessThan(20)
    expect(told()).toEqual(['node-down: no heartbeat for 15s: connection refused'])
  })
})

it('a node that is down from the beginning is said to be, with the reason', async () => {
  const failure = new PlaygroundError('NODE_UNREACHABLE', 'cannot reach it')
  await watch({ ...UP, info: undefined, failure })
  expect(told()).toEqual(['node-down: cannot reach it'])
  link.beat()
  await clock.advance(0)
  expect(told()).toEqual(['node-down: cannot reach it', 'node-up: up'])
})
