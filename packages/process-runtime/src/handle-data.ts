import { PlaygroundError } from '@p2p-playground/core'
import type { JsonValue, RunHandle } from '@p2p-playground/core'
import type { PlaceData, Run } from './confinement.js'
import type { RunRecord } from './exit-record.js'
import { readStat } from './proc.js'

/** What a handle keeps of a run besides the program's own pid. */
export interface RunData extends Run, RunRecord {
  /** With `wrapperPid` it tells a reused pid. */
  readonly wrapperStartTicks: number
}

export function toData(run: RunData): RunHandle['data'] {
  return { ...run }
}

/** @throws STATE_CORRUPT when the handle is none of ours */
export function runOf(handle: RunHandle): RunData {
  const { data } = handle
  const wrapperPid = Number(data['wrapperPid'])
  return {
    runId: textOf(handle, 'runId'),
    runDir: textOf(handle, 'runDir'),
    wrapperPid,
    // Handles of earlier versions have only what was needed then.
    groupPid: Number(data['groupPid'] ?? wrapperPid),
    helperPids: isList(data['helperPids']) ? data['helperPids'].map(Number) : [],
    // Of a handle that an earlier version stored, the process that has the number now is taken for the wrapper.
    wrapperStartTicks: numberIn(data['wrapperStartTicks']) ?? readStat(wrapperPid)?.startTicks ?? 0,
    memoryLimitBytes: numberIn(data['memoryLimitBytes']) ?? null,
    place: isMap(data['place']) ? data['place'] : {},
  }
}

function textOf(handle: RunHandle, key: string): string {
  const value = handle.data[key]
  if (typeof value === 'string') return value
  throw new PlaygroundError(
    'STATE_CORRUPT',
    `the handle of process ${String(handle.pid)} has no ${key}`,
  )
}

function numberIn(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function isMap(value: JsonValue | undefined): value is PlaceData {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
