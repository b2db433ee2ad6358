import type { LogSinkStatus } from '@p2p-playground/core'
import { formatBytes } from '@p2p-playground/core/bytes'
import { formatDuration } from '@p2p-playground/core/duration'
import { age, counted, harmless } from './format.js'

/** How far a node has got with its log sinks, one line each. */
export function logSinkLines(sinks: readonly LogSinkStatus[]): string[] {
  return sinks.map((sink) => {
    const { shippedLines, shippedBytes, retries, deadLines, lostLines } = sink
    const parts = [
      stateText(sink),
      lagText(sink),
      `${counted(shippedLines, 'line')} (${formatBytes(shippedBytes)}) shipped`,
      ...(retries === 0 ? [] : [retries === 1 ? '1 retry' : `${String(retries)} retries`]),
      ...(deadLines === 0 ? [] : [`${counted(deadLines, 'line')} refused`]),
      ...(lostLines === 0 ? [] : [`${counted(lostLines, 'line')} lost`]),
    ]
    return `sink      ${sink.name}: ${parts.join(', ')}`
  })
}

function stateText({ state, sinceMs, reason, nextTryMs }: LogSinkStatus): string {
  if (state === 'ok') return 'ok'
  const seconds = nextTryMs === null ? 0 : Math.ceil((nextTryMs - Date.now()) / 1000)
  const next = seconds > 0 ? `, next try in ${formatDuration(seconds * 1000)}` : ''
  return `${state} for ${age(sinceMs)} (${harmless(reason ?? 'no reason known')}${next})`
}

function lagText({ lagLines, oldestMs }: LogSinkStatus): string {
  if (lagLines === 0) return 'nothing waits'
  const since = oldestMs === null ? '' : `, the oldest for ${age(oldestMs)}`
  return `${counted(lagLines, 'line')} ${lagLines === 1 ? 'waits' : 'wait'}${since}`
}
