import type { NodeEvent, NodeSelector } from '@p2p-playground/core'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { fastClock } from './testing/fast-clock.js'
import { openProxy } from './testing/proxy.js'
import { World } from './testing/world.js'

const UNTIL = { timeout: 10_000, interval: 5 }

let world: World

beforeEach(async () => {
  world = await World.make()
})
afterEach(async () => {
  await world.dispose()
})

/** Watches from a controller that knows these addresses, on a clock that runs 20 times as fast. */
async function watch(known: readonly string[], target: NodeSelector = {}): Promise<NodeEvent[]> {
  const control = await world.control(known, { clock: fastClock(20) })
  const stop = new AbortController()
  const events: NodeEvent[] = []
  const drain = async (): Promise<void> => {
    for await (const followed of control.watchNodes(target, stop.signal))
      if (followed.kind === 'item') events.push(followed.item)
  }
  const ended = drain()
  world.onEnd(async () => {
    stop.abort()
    await ended
  })
  return events
}

async function has(events: readonly NodeEvent[], ...expected: readonly string[]): Promise<void> {
  await vi.waitFor(() => {
    expect(events.map(({ node, type }) => `${node} ${type}`)).toEqual(expected)
  }, UNTIL)
}

it('calls a node that falls silent without a word down, and up again when it answers', async () => {
  const one = await world.node({ name: 'one' })
  const proxy = await openProxy(one.port)
  world.onEnd(() => proxy.close())
  one.state.info = { ...one.state.info, addresses: [one.addressAt(proxy.port)] }
  const events = await watch([one.addressAt(proxy.port)])
  await has(events, 'one node-up')
  proxy.freeze()
  await has(events, 'one node-up', 'one node-down')
  expect(events[1]?.message).toContain('no heartbeat for 15s')
})

it('calls a node that stopped down, and finds it where it is started again', async () => {
  const one = await world.node({ name: 'one' })
  const events = await watch([one.address])
  await has(events, 'one node-up')
  await one.down()
  await has(events, 'one node-up', 'one node-down')
  await one.up()
  await has(events, 'one node-up', 'one node-down', 'one node-up')
})

it('watches a node that turns up later, unless it was asked for others', async () => {
  const [one, two] = await Promise.all([world.node({ name: 'one' }), world.node({ name: 'two' })])
  const [any, only] = [await watch([one.address]), await watch([one.address], { nodes: ['one'] })]
  await has(any, 'one node-up')
  // As mDNS or somebody's "node add" would tell it.
  one.state.peers.push({ peerId: two.peerId, addresses: [two.address], source: 'mdns' })
  await has(any, 'one node-up', 'two node-up')
  // Both tell what comes later: of the other node, `only` had told by then.
  await one.down()
  await has(any, 'one node-up', 'two node-up', 'one node-down')
  await has(only, 'one node-up', 'one node-down')
})
