import type { Clock, Followed, Heartbeat, NodeEvent, NodeSelector } from '@p2p-playground/core'
import { EventQueue } from '@p2p-playground/p2p'
import { heartbeatFromProto } from '@p2p-playground/proto'
import type { Fleet } from './fleet.js'
import { failureOf } from './known-node.js'
import type { KnownNode } from './known-node.js'
import { NodeWatch } from './node-watch.js'
import type { NodeClient } from './survey.js'

/** How often to look for nodes that nobody has announced. */
const LOOK_MS = 30_000
/** Peers that are announced together are looked at together. */
const GATHER_MS = 200

interface WatchDependencies {
  readonly fleet: Fleet
  readonly clock: Clock
}

/**
 * Events of the nodes that a selector means, those that turn up later included, unless it names them, and once each the
 * nodes of which nobody knows whether it means them. Ends when `signal` aborts. @throws what `Fleet.select` throws
 */
export async function* watchNodes(
  target: NodeSelector,
  { fleet, clock }: WatchDependencies,
  signal: AbortSignal,
): AsyncGenerator<Followed<NodeEvent>> {
  const left = new AbortController()
  const ends = AbortSignal.any([signal, left.signal])
  const queue = new EventQueue<Followed<NodeEvent>>()
  const watches = new Map<string, Promise<void>>()
  const leftOut = new Set<string>()
  const watch = (one: KnownNode): void => {
    if (watches.has(one.peerId)) return
    // It is looked at again when it turns up.
    if (one.isDoubtful === true) {
      if (!leftOut.has(one.peerId))
        queue.push({ kind: 'failure', failure: failureOf(one, one.failure) })
      leftOut.add(one.peerId)
      return
    }
    const watched = new NodeWatch({
      one,
      open: (until) => heartbeats(fleet.client(one.peerId), until),
      refresh: async () => fleet.refresh(),
      clock,
      emit: (event) => {
        queue.push({ kind: 'item', item: event })
      },
    })
    watches.set(one.peerId, watched.run(ends))
  }
  for (const one of await fleet.select(target, signal)) watch(one)
  const isNamed = (target.nodes ?? []).length > 0
  const looking = isNamed ? undefined : lookForNew(target, { fleet, clock }, watch, ends)
  try {
    yield* queue.drain(ends)
  } finally {
    left.abort()
    await Promise.all([...watches.values(), looking])
  }
}

async function* heartbeats(client: NodeClient, signal: AbortSignal): AsyncGenerator<Heartbeat> {
  for await (const message of client.streamHeartbeats({}, { signal }))
    yield heartbeatFromProto(message)
}

/** Looks again when discovery has seen somebody new, and now and then. */
async function lookForNew(
  target: NodeSelector,
  { fleet, clock }: WatchDependencies,
  found: (one: KnownNode) => void,
  signal: AbortSignal,
): Promise<void> {
  let announced = Promise.withResolvers<undefined>()
  const stop = fleet.onPeer(() => {
    announced.resolve(undefined)
  })
  try {
    for (;;) {
      const round = new AbortController()
      const due = clock.sleep(LOOK_MS, AbortSignal.any([signal, round.signal]))
      await Promise.race([announced.promise, due])
      round.abort()
      await clock.sleep(GATHER_MS, signal)
      announced = Promise.withResolvers<undefined>()
      // None that is meant is there now: the next look may find one.
      const nodes = await fleet.select(target, signal).catch(() => [])
      for (const one of nodes) found(one)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    stop()
  }
}
