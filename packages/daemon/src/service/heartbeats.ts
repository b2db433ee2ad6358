import type { Clock, InstanceStatus, NodeInfo } from '@p2p-playground/core'
import { heartbeatToProto } from '@p2p-playground/proto'
import type { node } from '@p2p-playground/proto'
import type { Bell } from '../engine/bell.js'

const HEARTBEAT_MS = 5000
/** Changes that follow each other closely, as a start and its first health check, go out together. */
const GATHER_MS = 50

export interface HeartbeatSource {
  readonly clock: Clock
  /** Rings when instances may have changed. */
  readonly changed: Bell
  readonly info: () => Promise<NodeInfo>
  readonly instances: () => readonly InstanceStatus[]
}

/** One heartbeat at once, one every 5 s, and one when an instance changes; until nobody watches any more. */
export async function* streamHeartbeats(
  source: HeartbeatSource,
  signal: AbortSignal,
): AsyncGenerator<node.StreamHeartbeatsResponse> {
  for (;;) {
    const instances = source.instances()
    yield heartbeatToProto({ node: await source.info(), instances })
    try {
      await nextIsDue(source, JSON.stringify(instances), signal)
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
  }
}

async function nextIsDue(
  { clock, changed, instances }: HeartbeatSource,
  told: string,
  signal: AbortSignal,
): Promise<void> {
  const dueMs = clock.monotonic() + HEARTBEAT_MS
  for (;;) {
    const seen = changed.count
    if (JSON.stringify(instances()) !== told) {
      await clock.sleep(GATHER_MS, signal)
      return
    }
    const leftMs = dueMs - clock.monotonic()
    if (leftMs <= 0) return
    const round = new AbortController()
    const ends = AbortSignal.any([signal, round.signal])
    try {
      await Promise.race([changed.after(seen, ends), clock.sleep(leftMs, ends)])
    } finally {
      round.abort()
    }
  }
}
