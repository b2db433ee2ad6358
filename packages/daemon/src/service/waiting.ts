import type { node } from '@p2p-playground/proto'
import type { WaitOptions } from '../engine/start-watch.js'

/** How long whoever asks waits, and for what. */
export function waitingOf({
  wait,
  timeoutMs,
  limitMs,
}: Pick<node.DeployRequest, 'wait' | 'timeoutMs' | 'limitMs'>): WaitOptions {
  const restMs = Number(timeoutMs)
  return { wait, timeoutMs: restMs, limitMs: limitMs === 0n ? restMs : Number(limitMs) }
}
